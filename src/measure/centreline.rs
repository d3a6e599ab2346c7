//! The line along the middle of a band: how a bone's surface or a fascia runs.
//!
//! From one tip of a piece to the other, the pixels at the same distance, measured inside the piece, are averaged. Ragged
//! borders and holes move these averages little, and no thinning is needed. Pieces are joined end to end.

use super::PixelSize;
use super::line::{Point, distance, dot, minus, plus};
use super::piece::{Piece, neighbours};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Lengths of a step to a neighbour beside and at a corner: 5 to 7 is near enough to 1 to the root of 2.
const STEP: [u32; 2] = [5, 7];

/// Pixels whose distances differ by less than two pixels are averaged.
const BAND: u32 = 2 * STEP[0];

/// A piece with less than this share of the largest's pixels is a speck.
const LEAST_SHARE: f64 = 0.05;

/// A band's middle, points about a pixel apart.
#[derive(Debug, Clone)]
pub(super) struct Centreline {
    /// From end to end.
    pub points: Vec<Point>,
    /// Mean thickness of the band.
    pub thickness: f64,
}

impl Centreline {
    /// Of the largest piece, and of those that go on from its ends after a gap of at most `gap`. `None` where there is no
    /// piece.
    pub fn new(pieces: &[Piece], size: PixelSize, gap: f64) -> Option<Self> {
        let largest = pieces.first()?;
        let least = LEAST_SHARE * largest.pixels.len() as f64;
        let mut path = path(largest, size);
        let mut pixels = largest.pixels.len();
        let others = pieces[1..].iter().filter(|piece| piece.pixels.len() as f64 >= least);
        let mut others: Vec<_> = others.map(|piece| (piece.pixels.len(), self::path(piece, size))).collect();
        while let Some((i, longer)) = nearest_join(&path, &others, gap) {
            path = longer;
            pixels += others.remove(i).0;
        }
        let thickness = pixels as f64 * size.area() / length(&path).max(size.mean_side());
        let points = smooth(&resample(&path, size.mean_side()), 0.5 * thickness / size.mean_side());
        // The averages at a tip are those of its corner, and the tip is half a thickness beyond the surface that it labels.
        let beyond = (0.5 * thickness / size.mean_side()) as usize;
        let inner = points.get(beyond..points.len().saturating_sub(beyond)).unwrap_or_default();
        Some(Self { points: resample(inner, size.mean_side()), thickness })
    }

    /// How long it is.
    pub fn length(&self) -> f64 {
        length(&self.points)
    }
}

/// The averages along a piece, from tip to tip.
fn path(piece: &Piece, size: PixelSize) -> Vec<Point> {
    let (width, height) = piece.pixels.iter().fold((0, 0), |(w, h), &[x, y]| (w.max(x + 1), h.max(y + 1)));
    let farthest = |distances: &[u32]| {
        let of = |&[x, y]: &[usize; 2]| distances[y * width + x];
        piece.pixels.iter().copied().max_by_key(of).unwrap_or(piece.pixels[0])
    };
    let first = farthest(&distances(piece, width, height, piece.pixels[0]));
    let from_first = distances(piece, width, height, first);
    let last = farthest(&from_first);
    let from_last = distances(piece, width, height, last);
    let whole = from_first[last[1] * width + last[0]];
    // What is off the way from tip to tip by more than a few thicknesses is a spur.
    let thickness = STEP[0] * STEP[0] * piece.pixels.len() as u32 / whole.max(STEP[0]);
    let bands = (whole / BAND) as usize + 1;
    let mut sums = vec![([0.0; 2], 0.0); bands];
    for &[x, y] in &piece.pixels {
        let (ahead, behind) = (from_first[y * width + x], from_last[y * width + x]);
        if ahead + behind <= whole + 3 * thickness {
            let (sum, count) = &mut sums[((ahead / BAND) as usize).min(bands - 1)];
            *sum = plus(*sum, size.to_length([x as f64 + 0.5, y as f64 + 0.5]), 1.0);
            *count += 1.0;
        }
    }
    sums.iter().filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum.map(|value| value / count)).collect()
}

/// Distances inside a piece from one of its pixels, `[height, width]`.
fn distances(piece: &Piece, width: usize, height: usize, from: [usize; 2]) -> Vec<u32> {
    const OUTSIDE: u32 = u32::MAX;
    const UNSEEN: u32 = u32::MAX - 1;
    let mut found = vec![OUTSIDE; width * height];
    piece.pixels.iter().for_each(|&[x, y]| found[y * width + x] = UNSEEN);
    found[from[1] * width + from[0]] = 0;
    let mut open = BinaryHeap::from([Reverse((0, from))]);
    while let Some(Reverse((here, pixel))) = open.pop() {
        if here > found[pixel[1] * width + pixel[0]] {
            continue;
        }
        for [x, y] in neighbours(pixel, width, height) {
            let there = here + STEP[usize::from(x != pixel[0] && y != pixel[1])];
            let known = &mut found[y * width + x];
            if *known != OUTSIDE && there < *known {
                *known = there;
                open.push(Reverse((there, [x, y])));
            }
        }
    }
    found
}

/// The path made longer by the piece that is nearest to one of its ends, and which that is.
fn nearest_join(path: &[Point], others: &[(usize, Vec<Point>)], gap: f64) -> Option<(usize, Vec<Point>)> {
    let reversed = |path: &[Point]| path.iter().rev().copied().collect::<Vec<_>>();
    let mut best: Option<(f64, usize, Vec<Point>)> = None;
    for (i, (_, other)) in others.iter().enumerate() {
        for (before, after) in [
            (path.to_vec(), other.clone()),
            (path.to_vec(), reversed(other)),
            (reversed(path), other.clone()),
            (reversed(path), reversed(other)),
        ] {
            let (end, start) = (before[before.len() - 1], after[0]);
            let apart = distance(end, start);
            // It goes on and doesn't run back beside the path.
            let goes_on = dot(minus(end, before[before.len() / 2]), minus(after[after.len() - 1], end)) > 0.0;
            if goes_on && apart <= best.as_ref().map_or(gap, |(nearest, _, _)| *nearest) {
                best = Some((apart, i, [before, after].concat()));
            }
        }
    }
    best.map(|(_, i, longer)| (i, longer))
}

fn length(path: &[Point]) -> f64 {
    path.windows(2).map(|ends| distance(ends[0], ends[1])).sum()
}

/// Points on a path that are `step` apart along it.
pub(super) fn resample(path: &[Point], step: f64) -> Vec<Point> {
    let mut points: Vec<Point> = path.first().copied().into_iter().collect();
    let mut missing = step;
    for ends in path.windows(2) {
        let apart = distance(ends[0], ends[1]);
        let mut along = missing;
        while along <= apart {
            points.push(plus(ends[0], minus(ends[1], ends[0]), along / apart));
            along += step;
        }
        missing = along - apart;
    }
    points
}

/// A Gaussian mean along a path, `sigma` in points; towards the ends narrower, so that they stay where they are.
fn smooth(points: &[Point], sigma: f64) -> Vec<Point> {
    let reach = (3.0 * sigma).ceil().max(1.0) as usize;
    let weights: Vec<f64> = (0..=reach).map(|k| (-0.5 * (k as f64 / sigma.max(1e-3)).powi(2)).exp()).collect();
    let mean = |i: usize| {
        let reach = reach.min(i).min(points.len() - 1 - i);
        let mut sum = points[i];
        let mut total = 1.0;
        for (k, &weight) in weights.iter().enumerate().take(reach + 1).skip(1) {
            sum = plus(plus(sum, points[i - k], weight), points[i + k], weight);
            total += 2.0 * weight;
        }
        sum.map(|value| value / total)
    };
    (0..points.len()).map(mean).collect()
}
