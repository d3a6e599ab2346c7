//! Mask logits to masks at the frame's own size.
//!
//! The reference enlarges the logits to the square input, crops the padding, resizes to the frame and thresholds at 0. All
//! of it is linear and separable up to the threshold, so it is one table of three taps for each axis; and because weights
//! are never negative, only pixels that read a positive logit can be in the mask. The rest is never computed.
//! `[image_size / 4, image_size / 4]` logits for each structure -> `[height, width]` class ids.

use serde::Serialize;
use std::ops::Range;

use crate::preprocess::FrameTransform;
use crate::resample::{Taps, resize_plane};

/// What the decoder says of one structure.
#[derive(Debug, Clone, Copy)]
pub struct StructureLogits<'a> {
    /// The value of its pixels in the class map; 0 is the background.
    pub class_id: u8,
    /// Mask logits, `[image_size / 4, image_size / 4]`.
    pub logits: &'a [f32],
    /// Whether the structure is taken to be in the picture; if not, its mask is empty.
    pub present: bool,
}

/// Whole pixels from `left`, `top` up to and without `right`, `bottom`; written as these four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "[usize; 4]")]
pub struct PixelBox {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Column after the last.
    pub right: usize,
    /// Row after the last.
    pub bottom: usize,
}

impl From<PixelBox> for [usize; 4] {
    fn from(PixelBox { left, top, right, bottom }: PixelBox) -> Self {
        [left, top, right, bottom]
    }
}

/// How much of the frame a mask takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// Pixels in the mask.
    pub area: usize,
    /// The smallest box around them; `None` where there are none.
    pub bounds: Option<PixelBox>,
}

/// Which structure each pixel of a frame belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassMap {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width]`, 0 for the background.
    pub class_ids: Vec<u8>,
    /// For each structure given, in that order.
    pub extents: Vec<Extent>,
}

impl ClassMap {
    /// Labels, `[height, width]`: class id `i + 1` is structure `i` of `structures`.
    ///
    /// # Panics
    /// Where they do not fill whole rows.
    pub fn from_labels(width: usize, class_ids: Vec<u8>, structures: usize) -> Self {
        assert!(width > 0 && class_ids.len().is_multiple_of(width), "labels have whole rows");
        let mut extents = vec![Extent::default(); structures];
        for (y, row) in class_ids.chunks_exact(width).enumerate() {
            extents.iter_mut().zip(1..).for_each(|(extent, class_id)| extent.add_row(y, 0, row, class_id));
        }
        Self { width, height: class_ids.len() / width, class_ids, extents }
    }

    /// Dice of a class's pixels here and in a map of the same size: 1 where they are the same, or there are none in both.
    pub fn agreement(&self, other: &Self, class_id: u8) -> f64 {
        let (mut both, mut all) = (0, 0);
        for (a, b) in self.class_ids.iter().zip(&other.class_ids) {
            let (here, there) = (*a == class_id, *b == class_id);
            both += usize::from(here && there);
            all += usize::from(here) + usize::from(there);
        }
        if all == 0 { 1.0 } else { 2.0 * both as f64 / all as f64 }
    }
}

/// Gives each pixel to the structure with the largest logit there, if that is above 0 (the first one, where equal).
///
/// # Panics
/// Where logits are not those of the transform's input size.
pub fn class_map(structures: &[StructureLogits], transform: &FrameTransform) -> ClassMap {
    let [height, width] = transform.frame_size;
    let (vertical, horizontal) = tables(transform);
    let regions: Vec<_> = structures
        .iter()
        .map(|structure| structure.present.then(|| Region::new(structure, transform, &vertical, &horizontal))?)
        .collect();
    let mut map =
        ClassMap { width, height, class_ids: vec![0; width * height], extents: vec![Extent::default(); regions.len()] };
    let mut highest = vec![0f32; width];
    let mut logits = vec![0f32; width];
    for (y, tap) in vertical.as_slice().iter().enumerate() {
        let row = &mut map.class_ids[y * width..][..width];
        let here = || {
            regions.iter().zip(structures).enumerate().filter_map(move |(i, (region, structure))| {
                region.as_ref().filter(|region| region.rows.contains(&y)).map(|region| (i, region, structure.class_id))
            })
        };
        if here().next().is_none() {
            continue;
        }
        highest.fill(0.0);
        for (_, region, class_id) in here() {
            let logits = &mut logits[..region.columns.len()];
            tap.blend(|y| region.row(y), logits);
            let pixels = highest[region.columns.clone()].iter_mut().zip(&mut row[region.columns.clone()]);
            for (&logit, (highest, id)) in logits.iter().zip(pixels) {
                let wins = logit > *highest;
                *highest = if wins { logit } else { *highest };
                *id = if wins { class_id } else { *id };
            }
        }
        for (i, region, class_id) in here() {
            map.extents[i].add_row(y, region.columns.start, &row[region.columns.clone()], class_id);
        }
    }
    map
}

/// One structure's logits at the frame's size, `[height, width]`, for those who want more than the mask.
///
/// # Panics
/// Where logits are not those of the transform's input size.
pub fn mask_logits(logits: &[f32], transform: &FrameTransform) -> Vec<f32> {
    let (vertical, horizontal) = tables(transform);
    resize_plane(logits, transform.image_size / 4, &vertical, &horizontal)
}

/// Reads single pixels of the frame from low-resolution logits, as [`class_map`] does.
pub(crate) struct Sampler<'a> {
    vertical: Taps<3>,
    horizontal: Taps<3>,
    transform: &'a FrameTransform,
}

impl<'a> Sampler<'a> {
    pub(crate) fn new(transform: &'a FrameTransform) -> Self {
        let (vertical, horizontal) = tables(transform);
        Self { vertical, horizontal, transform }
    }

    /// The logit of the pixel at `[x, y]` of the frame; beyond the frame, of the nearest.
    pub(crate) fn logit(&self, logits: &[f32], [x, y]: [f32; 2]) -> f32 {
        let side = self.transform.image_size / 4;
        // Casts saturate, and make 0 of what is not a number.
        let [x, y] = [x as usize, y as usize];
        let (rows, columns) = (self.vertical.as_slice(), self.horizontal.as_slice());
        let (row, column) = (&rows[y.min(rows.len() - 1)], &columns[x.min(columns.len() - 1)]);
        row.read(|y| column.read(|x| logits[y * side + x]))
    }

    /// Where that pixel's centre lies among the logits: `[column, row]`, whole numbers at their centres.
    pub(crate) fn cell(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        self.transform.to_input([x.floor() + 0.5, y.floor() + 0.5]).map(|place| place / 4.0 - 0.5)
    }
}

/// From low-resolution logits to rows and to columns of the frame.
fn tables(transform: &FrameTransform) -> (Taps<3>, Taps<3>) {
    let [height, width] = transform.frame_size;
    let [rows, columns] = transform.resized;
    let to_input = Taps::bilinear(transform.image_size / 4, transform.image_size);
    (
        Taps::bilinear(rows, height).after_upsampling(&to_input),
        Taps::bilinear(columns, width).after_upsampling(&to_input),
    )
}

/// The part of the frame that a structure's positive logits reach, with its logits resampled across.
struct Region {
    /// Rows of the frame.
    rows: Range<usize>,
    /// Columns of the frame.
    columns: Range<usize>,
    /// First low-resolution row in `wide`.
    first_row: usize,
    /// `[low-resolution rows, columns]`.
    wide: Vec<f32>,
}

impl Region {
    /// `None` where no pixel of the frame can be in the mask.
    fn new(
        structure: &StructureLogits,
        transform: &FrameTransform,
        vertical: &Taps<3>,
        horizontal: &Taps<3>,
    ) -> Option<Self> {
        let side = transform.image_size / 4;
        assert_eq!(structure.logits.len(), side * side, "logits of another input size");
        let (positive_rows, positive_columns) = positive_part(structure.logits, side)?;
        let rows = vertical.reading(positive_rows);
        let columns = horizontal.reading(positive_columns);
        let (first, last) = (vertical.as_slice().get(rows.clone())?.first()?, &vertical.as_slice()[rows.end - 1]);
        let low_res_rows = first.indices[0] as usize..last.indices[2] as usize + 1;
        let columns_taps = &horizontal.as_slice()[columns.clone()];
        let mut wide = Vec::with_capacity(low_res_rows.len() * columns.len());
        for row in structure.logits[low_res_rows.start * side..low_res_rows.end * side].chunks_exact(side) {
            wide.extend(columns_taps.iter().map(|tap| tap.read(|x| row[x])));
        }
        Some(Self { rows, columns, first_row: low_res_rows.start, wide })
    }

    fn row(&self, low_res_row: usize) -> &[f32] {
        &self.wide[(low_res_row - self.first_row) * self.columns.len()..][..self.columns.len()]
    }
}

/// Rows and columns of the smallest box around the positive logits.
fn positive_part(logits: &[f32], side: usize) -> Option<(Range<usize>, Range<usize>)> {
    let mut columns = side..0;
    let mut rows = side..0;
    for (y, row) in logits.chunks_exact(side).enumerate() {
        let Some(first) = row.iter().position(|&v| v > 0.0) else { continue };
        let last = row.iter().rposition(|&v| v > 0.0).unwrap_or(first);
        columns = columns.start.min(first)..columns.end.max(last + 1);
        rows = rows.start.min(y)..y + 1;
    }
    (!rows.is_empty()).then_some((rows, columns))
}

impl Extent {
    /// Counts the pixels of the mask in row `y`: those of `value` in `pixels`, which begin at column `left`.
    pub(crate) fn add_row<T: PartialEq>(&mut self, y: usize, left: usize, pixels: &[T], value: T) {
        let Some(first) = pixels.iter().position(|pixel| *pixel == value) else { return };
        let last = pixels.iter().rposition(|pixel| *pixel == value).unwrap_or(first);
        self.area += pixels[first..=last].iter().map(|pixel| usize::from(*pixel == value)).sum::<usize>();
        let row = PixelBox { left: left + first, top: y, right: left + last + 1, bottom: y + 1 };
        self.bounds = Some(match self.bounds {
            Some(bounds) => PixelBox {
                left: bounds.left.min(row.left),
                top: bounds.top,
                right: bounds.right.max(row.right),
                bottom: row.bottom,
            },
            None => row,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE_SIZE: usize = 64;
    const SIDE: usize = IMAGE_SIZE / 4;

    /// A disc, positive inside, with a ripple so that no two pixels are equal.
    fn disc(x: f32, y: f32, radius: f32) -> Vec<f32> {
        let at = |i: usize| ((i % SIDE) as f32 - x, (i / SIDE) as f32 - y);
        (0..SIDE * SIDE).map(|i| radius - at(i).0.hypot(at(i).1) + 0.01 * (i as f32).sin()).collect()
    }

    fn present(class_id: u8, logits: &[f32]) -> StructureLogits<'_> {
        StructureLogits { class_id, logits, present: true }
    }

    /// The reference's way, step by step, every pixel of every structure.
    fn step_by_step(structures: &[StructureLogits], transform: &FrameTransform) -> Vec<u8> {
        let ([height, width], [rows, columns]) = (transform.frame_size, transform.resized);
        let size = transform.image_size;
        let enlarge = Taps::bilinear(size / 4, size);
        let mut ids = vec![0; width * height];
        let mut highest = vec![0f32; width * height];
        for structure in structures.iter().filter(|s| s.present) {
            let square = resize_plane(structure.logits, size / 4, &enlarge, &enlarge);
            let cropped: Vec<f32> = square.chunks(size).take(rows).flat_map(|row| &row[..columns]).copied().collect();
            let full = resize_plane(&cropped, columns, &Taps::bilinear(rows, height), &Taps::bilinear(columns, width));
            for (i, &logit) in full.iter().enumerate() {
                if logit > highest[i] {
                    (ids[i], highest[i]) = (structure.class_id, logit);
                }
            }
        }
        ids
    }

    #[test]
    fn the_short_way_gives_the_masks_of_the_long_way() {
        let discs = [disc(4.0, 5.0, 4.2), disc(8.0, 6.0, 3.7), disc(30.0, 30.0, 3.0), disc(15.0, 3.0, 2.5)];
        let structures: Vec<_> = discs.iter().zip(1..).map(|(logits, id)| present(id, logits)).collect();
        for (width, height) in [(64, 64), (100, 70), (37, 61), (13, 200), (3, 2), (640, 480)] {
            let transform = FrameTransform::new(width, height, IMAGE_SIZE);
            let expected = step_by_step(&structures, &transform);
            let found = class_map(&structures, &transform).class_ids;
            // Rounding may decide a pixel whose logit is within 1e-6 of the threshold.
            let differing = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
            assert!(differing * 10_000 <= width * height, "{width} x {height}: {differing} pixels differ");
        }
    }

    #[test]
    fn the_largest_logit_wins() {
        let (weak, strong) = (vec![1.0; SIDE * SIDE], vec![2.0; SIDE * SIDE]);
        let transform = FrameTransform::new(10, 10, IMAGE_SIZE);
        let map = class_map(&[present(1, &weak), present(2, &strong)], &transform);
        assert_eq!(map.class_ids, [2; 100]);
        assert_eq!(map.extents[0], Extent::default());
        assert_eq!(map.extents[1].area, 100);
    }

    #[test]
    fn nothing_above_zero_is_background() {
        let flat = vec![0.0; SIDE * SIDE];
        let map = class_map(&[present(1, &flat)], &FrameTransform::new(10, 10, IMAGE_SIZE));
        assert_eq!(map.class_ids, [0; 100]);
    }

    #[test]
    fn an_absent_structure_is_emptied_and_leaves_its_pixels_to_others() {
        let (weak, strong) = (vec![1.0; SIDE * SIDE], vec![2.0; SIDE * SIDE]);
        let absent = StructureLogits { present: false, ..present(2, &strong) };
        let map = class_map(&[present(1, &weak), absent], &FrameTransform::new(10, 10, IMAGE_SIZE));
        assert_eq!(map.class_ids, [1; 100]);
        assert_eq!(map.extents[1], Extent::default());
    }

    #[test]
    fn padding_is_cropped() {
        // Positive only in the lower half of the input, which a frame twice as wide as high does not reach.
        let logits: Vec<f32> = (0..SIDE * SIDE).map(|i| if i / SIDE > SIDE / 2 { 5.0 } else { -5.0 }).collect();
        let map = class_map(&[present(1, &logits)], &FrameTransform::new(128, 64, IMAGE_SIZE));
        assert_eq!(map.extents[0].area, 0);
    }

    #[test]
    fn area_and_box_are_those_of_the_class_map() {
        let logits = disc(6.0, 7.0, 3.4);
        let transform = FrameTransform::new(90, 80, IMAGE_SIZE);
        let map = class_map(&[present(3, &logits)], &transform);
        let inside: Vec<_> = (0..90 * 80).filter(|&i| map.class_ids[i] == 3).map(|i| (i % 90, i / 90)).collect();
        let bounds = PixelBox {
            left: inside.iter().map(|p| p.0).min().unwrap(),
            top: inside.iter().map(|p| p.1).min().unwrap(),
            right: inside.iter().map(|p| p.0).max().unwrap() + 1,
            bottom: inside.iter().map(|p| p.1).max().unwrap() + 1,
        };
        assert_eq!(map.extents[0], Extent { area: inside.len(), bounds: Some(bounds) });
    }

    #[test]
    fn logits_that_are_not_numbers_are_background() {
        let logits = vec![f32::NAN; SIDE * SIDE];
        let map = class_map(&[present(1, &logits)], &FrameTransform::new(10, 10, IMAGE_SIZE));
        assert_eq!(map.extents[0].area, 0);
    }
}
