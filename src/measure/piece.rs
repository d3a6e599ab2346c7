//! The connected pieces of a mask.

use super::PixelSize;
use super::line::Point;
use crate::postprocess::ClassMap;

/// Pixels that hang together by sides or corners.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// `[column, row]`.
    pub pixels: Vec<[usize; 2]>,
}

impl Piece {
    /// The centres of its pixels, in units of `size`.
    pub fn points(&self, size: PixelSize) -> Vec<Point> {
        self.pixels.iter().map(|&[x, y]| size.to_length([x as f64 + 0.5, y as f64 + 0.5])).collect()
    }
}

/// The pieces of a class's mask, the largest first.
pub(super) fn pieces(map: &ClassMap, class_id: u8) -> Vec<Piece> {
    let mut is_open: Vec<bool> = map.class_ids.iter().map(|&id| id == class_id).collect();
    let mut found = Vec::new();
    for start in 0..is_open.len() {
        if !std::mem::take(&mut is_open[start]) {
            continue;
        }
        let mut pixels = vec![[start % map.width, start / map.width]];
        let mut next = 0;
        while let Some(&pixel) = pixels.get(next) {
            next += 1;
            for [x, y] in neighbours(pixel, map.width, map.height) {
                if std::mem::take(&mut is_open[y * map.width + x]) {
                    pixels.push([x, y]);
                }
            }
        }
        found.push(Piece { pixels });
    }
    found.sort_by_key(|piece| std::cmp::Reverse(piece.pixels.len()));
    found
}

/// The pixels around one that are in the picture.
pub(super) fn neighbours([x, y]: [usize; 2], width: usize, height: usize) -> impl Iterator<Item = [usize; 2]> {
    let around = |v: usize, length: usize| v.saturating_sub(1)..(v + 2).min(length);
    around(y, height).flat_map(move |v| around(x, width).map(move |u| [u, v])).filter(move |&other| other != [x, y])
}
