//! A muscle between its superficial and its deep aponeurosis: thickness and angle, from one mask with both.
//!
//! Thickness is the distance between the facing edges, at right angles to the line halfway between them, as in Ritsche et al.,
//! DeepACSA / DL_Track (J Open Source Softw 2023; 8: 5206).

use super::line::{Line, Point, degrees_between};
use super::piece::{Piece, pieces};
use super::{PixelSize, Reason};
use crate::postprocess::ClassMap;
use serde::Serialize;

/// A piece with less than this share of the largest's pixels is a speck.
const LEAST_PIECE: f64 = 0.05;
/// An aponeurosis is at least as long as this share of the longest.
const LEAST_LENGTH: f64 = 0.4;
/// The two lie above each other over at least this share of the longer one.
const LEAST_OVERLAP: f64 = 0.3;
/// Pieces whose lines go through each other within so many thicknesses are one aponeurosis with a gap.
const IN_LINE: f64 = 2.5;
/// Share of the columns around the middle that stand for it.
const MIDDLE: f64 = 0.1;

/// Points are in pixels of the frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Muscle {
    /// Mean over the columns that show both aponeuroses.
    pub mean_thickness_px: f64,
    /// In the middle of those columns.
    pub middle_thickness_px: f64,
    /// The mean in mm, where the spacing is known.
    pub mean_thickness_mm: Option<f64>,
    /// In the middle, in mm.
    pub middle_thickness_mm: Option<f64>,
    /// Between the aponeuroses, 0 where they are parallel.
    pub angle_degrees: f64,
    /// The superficial aponeurosis' lower edge as a line, left to right.
    pub superficial: [Point; 2],
    /// The deep aponeurosis' upper edge.
    pub deep: [Point; 2],
}

/// An aponeurosis: for each column of the picture its upper and its lower edge.
struct Band {
    edges: Vec<Option<[f64; 2]>>,
}

impl Band {
    /// From the pixels of a piece: the uppermost run of each column.
    fn new(piece: &Piece, width: usize) -> Self {
        let mut columns = vec![Vec::new(); width];
        piece.pixels.iter().for_each(|&[x, y]| columns[x].push(y));
        let edges = columns.into_iter().map(|mut rows| {
            rows.sort_unstable();
            let top = *rows.first()?;
            let run = rows.iter().zip(top..).take_while(|(row, expected)| *row == expected).count();
            Some([top as f64, (top + run) as f64])
        });
        Self { edges: edges.collect() }
    }

    fn columns(&self) -> impl Iterator<Item = (usize, [f64; 2])> {
        self.edges.iter().enumerate().filter_map(|(x, edges)| Some((x, (*edges)?)))
    }

    fn length(&self) -> usize {
        self.columns().count()
    }

    fn thickness(&self) -> f64 {
        self.columns().map(|(_, [top, bottom])| bottom - top).sum::<f64>() / self.length().max(1) as f64
    }

    /// The line through its middle.
    fn line(&self) -> Line {
        let middles: Vec<_> = self.columns().map(|(x, [top, bottom])| [x as f64 + 0.5, 0.5 * (top + bottom)]).collect();
        Line::fit(&middles)
    }

    /// Whether another one goes on where this one ends.
    fn goes_on_in(&self, other: &Self) -> bool {
        let shared = self.edges.iter().zip(&other.edges).filter(|(a, b)| a.is_some() && b.is_some()).count();
        let reach = IN_LINE * self.thickness().max(other.thickness());
        let (a, b) = (self.line(), other.line());
        let is_near = a.depth(b.middle).abs() < reach && b.depth(a.middle).abs() < reach;
        is_near && shared * 4 < self.length().min(other.length())
    }

    fn join(&mut self, other: Self) {
        for (edges, more) in self.edges.iter_mut().zip(other.edges) {
            *edges = edges.or(more);
        }
    }

    /// How deep it is, in rows.
    fn depth(&self) -> f64 {
        self.line().middle[1]
    }
}

/// The superficial and the deep aponeurosis: the two uppermost that are long.
fn bands(map: &ClassMap, class_id: u8) -> Result<[Band; 2], Reason> {
    let found = pieces(map, class_id);
    let least = LEAST_PIECE * found.first().map_or(0.0, |piece| piece.pixels.len() as f64);
    let mut bands: Vec<Band> = Vec::new();
    for piece in found.iter().filter(|piece| piece.pixels.len() as f64 >= least) {
        let band = Band::new(piece, map.width);
        match bands.iter_mut().find(|other| other.goes_on_in(&band)) {
            Some(other) => other.join(band),
            None => bands.push(band),
        }
    }
    let longest = bands.iter().map(Band::length).max().unwrap_or(0) as f64;
    bands.retain(|band| band.length() as f64 >= LEAST_LENGTH * longest);
    bands.sort_by(|a, b| a.depth().total_cmp(&b.depth()));
    bands.truncate(2);
    bands.try_into().map_err(|_| Reason::OneAponeurosis)
}

/// Measures the muscle between the two uppermost aponeuroses.
pub(super) fn measure(map: &ClassMap, class_id: u8, size: PixelSize) -> Result<Muscle, Reason> {
    let [superficial, deep] = bands(map, class_id)?;
    let both = superficial.columns().filter_map(|(x, [_, above])| Some((x as f64 + 0.5, above, deep.edges[x]?[0])));
    let both: Vec<_> = both.filter(|(_, above, below)| below > above).collect();
    if both.is_empty() || (both.len() as f64) < LEAST_OVERLAP * superficial.length().max(deep.length()) as f64 {
        return Err(Reason::LittleOverlap);
    }
    let edge = |row: fn(&(f64, f64, f64)) -> f64| {
        Line::fit(&both.iter().map(|column| size.to_length([column.0, row(column)])).collect::<Vec<_>>())
    };
    let (upper, lower) = (edge(|column| column.1), edge(|column| column.2));
    let halfway = [upper.direction[0] + lower.direction[0], upper.direction[1] + lower.direction[1]];
    let cosine = halfway[0].abs() / halfway[0].hypot(halfway[1]);
    let mean = |columns: &[(f64, f64, f64)]| {
        let rows = columns.iter().map(|(_, above, below)| below - above).sum::<f64>() / columns.len() as f64;
        rows * size.side[1] * cosine
    };
    let (first, last) = (both[0].0, both[both.len() - 1].0);
    let reach = 0.5 * MIDDLE * (last - first);
    let from_middle = |column: &(f64, f64, f64)| (column.0 - 0.5 * (first + last)).abs();
    let mut middle: Vec<_> = both.iter().copied().filter(|column| from_middle(column) <= reach).collect();
    if middle.is_empty() {
        middle.extend(both.iter().copied().min_by(|a, b| from_middle(a).total_cmp(&from_middle(b))));
    }
    let (mean_thickness, middle_thickness) = (mean(&both), mean(&middle));
    let ends = |line: &Line, row: fn(&(f64, f64, f64)) -> f64| {
        [both[0], both[both.len() - 1]]
            .map(|column| size.to_pixels(line.foot(size.to_length([column.0, row(&column)]))))
    };
    Ok(Muscle {
        mean_thickness_px: mean_thickness / size.mean_side(),
        middle_thickness_px: middle_thickness / size.mean_side(),
        mean_thickness_mm: size.mm(mean_thickness),
        middle_thickness_mm: size.mm(middle_thickness),
        angle_degrees: degrees_between(upper.direction, lower.direction),
        superficial: ends(&upper, |column| column.1),
        deep: ends(&lower, |column| column.2),
    })
}
