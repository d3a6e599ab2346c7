//! A training picture at the model's size, and what the losses and the prompts take from its labels.

use burn::tensor::{Device, Tensor, TensorData};

use super::loss::Targets;
use crate::evaluation::MIN_PRESENT_PIXELS;
use crate::frame::Frame;
use crate::preprocess::{FrameTransform, Normalization};
use crate::resample::{Taps, resize_plane};

/// A labelled picture, resized so that its longest side is the model's: `[rows, columns]`, the rest of the square is
/// padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingPicture {
    rows: usize,
    columns: usize,
    image_size: usize,
    rgb: Vec<u8>,
    class_ids: Vec<u8>,
}

impl TrainingPicture {
    /// Takes `[rows, columns, 3]` bytes and as many class ids.
    ///
    /// # Panics
    /// Where they are not as many.
    pub fn new(rows: usize, columns: usize, image_size: usize, rgb: Vec<u8>, class_ids: Vec<u8>) -> Self {
        assert_eq!((rgb.len(), class_ids.len()), (3 * rows * columns, rows * columns));
        Self { rows, columns, image_size, rgb, class_ids }
    }

    /// Resizes a frame as `preprocess` does (bilinear), and its class ids to the nearest.
    pub fn from_frame(frame: &Frame, class_ids: &[u8], image_size: usize) -> Self {
        let (width, height) = (frame.width(), frame.height());
        let [rows, columns] = FrameTransform::new(width, height, image_size).resized;
        let (vertical, horizontal) = (Taps::bilinear(height, rows), Taps::bilinear(width, columns));
        let mut rgb = vec![0; 3 * rows * columns];
        for channel in 0..3 {
            let plane: Vec<f32> = frame.rgb().iter().skip(channel).step_by(3).map(|&value| f32::from(value)).collect();
            let resized = resize_plane(&plane, width, &vertical, &horizontal);
            rgb.iter_mut().skip(channel).step_by(3).zip(resized).for_each(|(out, value)| *out = value.round() as u8);
        }
        let nearest = |i: usize, out: usize, side: usize| ((2 * i + 1) * side / (2 * out)).min(side - 1);
        let label =
            |i: usize| class_ids[nearest(i / columns, rows, height) * width + nearest(i % columns, columns, width)];
        let class_ids = (0..rows * columns).map(label).collect();
        Self { rows, columns, image_size, rgb, class_ids }
    }

    /// Side of the model's input in pixels.
    pub fn image_size(&self) -> usize {
        self.image_size
    }

    /// Rows of picture.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of picture.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// `[rows, columns, 3]`.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// `[rows, columns]`: 0 is background, structure `i` is `i + 1`.
    pub fn class_ids(&self) -> &[u8] {
        &self.class_ids
    }

    pub(super) fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    pub(super) fn class_ids_mut(&mut self) -> &mut [u8] {
        &mut self.class_ids
    }

    /// The mean `[x, y]` of the labelled pixels, if there are any.
    pub(super) fn label_centre(&self) -> Option<[f32; 2]> {
        let labelled = (0..self.class_ids.len()).filter(|&i| self.class_ids[i] > 0);
        let (count, x, y) = labelled.fold((0usize, 0.0f64, 0.0f64), |(count, x, y), i| {
            (count + 1, x + (i % self.columns) as f64 + 0.5, y + (i / self.columns) as f64 + 0.5)
        });
        (count > 0).then(|| [(x / count as f64) as f32, (y / count as f64) as f32])
    }

    /// The colour at a place in pixels, black outside.
    pub(super) fn bilinear(&self, x: f32, y: f32) -> [u8; 3] {
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let mut sum = [0.5f32; 3];
        for (dx, dy, weight) in [
            (0.0, 0.0, (1.0 - across) * (1.0 - down)),
            (1.0, 0.0, across * (1.0 - down)),
            (0.0, 1.0, (1.0 - across) * down),
            (1.0, 1.0, across * down),
        ] {
            if let Some(i) = self.index(left + dx, top + dy) {
                (0..3).for_each(|c| sum[c] += weight * f32::from(self.rgb[3 * i + c]));
            }
        }
        sum.map(|value| value as u8)
    }

    /// The class id of the pixel at a place in pixels, background outside.
    pub(super) fn nearest_label(&self, x: f32, y: f32) -> u8 {
        self.index(x.floor(), y.floor()).map_or(0, |i| self.class_ids[i])
    }

    fn index(&self, column: f32, row: f32) -> Option<usize> {
        let inside = column >= 0.0 && row >= 0.0 && column < self.columns as f32 && row < self.rows as f32;
        inside.then(|| row as usize * self.columns + column as usize)
    }

    /// The model's input, `[1, 3, image_size, image_size]`.
    pub fn image(&self, normalization: &Normalization, device: &Device) -> Tensor<4> {
        let plane = self.image_size * self.image_size;
        let mut input = vec![0f32; 3 * plane];
        for (i, pixel) in self.rgb.as_chunks::<3>().0.iter().enumerate() {
            let at = i / self.columns * self.image_size + i % self.columns;
            for c in 0..3 {
                input[c * plane + at] = (f32::from(pixel[c]) / 255.0 - normalization.mean[c]) / normalization.std[c];
            }
        }
        Tensor::from_data(TensorData::new(input, [1, 3, self.image_size, self.image_size]), device)
    }

    /// Share of each pixel of a `size` x `size` map that is the structure's; `size` divides the image size.
    pub(super) fn mask(&self, structure: usize, size: usize) -> Vec<f32> {
        let factor = self.image_size / size;
        let each = 1.0 / (factor * factor) as f32;
        let mut mask = vec![0f32; size * size];
        for (i, _) in self.pixels_of(structure) {
            mask[i / self.columns / factor * size + i % self.columns / factor] += each;
        }
        mask
    }

    /// The structure's pixels, as indices into [`class_ids`](Self::class_ids).
    pub(super) fn pixels_of(&self, structure: usize) -> impl Iterator<Item = (usize, &u8)> {
        self.class_ids.iter().enumerate().filter(move |(_, id)| usize::from(**id) == structure + 1)
    }

    /// Whether the structure has more than [`MIN_PRESENT_PIXELS`] pixels of the model's input.
    pub fn has(&self, structure: usize) -> bool {
        self.pixels_of(structure).nth(MIN_PRESENT_PIXELS).is_some()
    }

    /// First and last column and row of the structure, left, top, right, bottom, in pixels; zeros where it is absent.
    pub(super) fn bounding_box(&self, structure: usize) -> [f32; 4] {
        if !self.has(structure) {
            return [0.0; 4];
        }
        let bounds = self.pixels_of(structure).fold([usize::MAX, usize::MAX, 0, 0], |[l, t, r, b], (i, _)| {
            let (x, y) = (i % self.columns, i / self.columns);
            [l.min(x), t.min(y), r.max(x), b.max(y)]
        });
        bounds.map(|side| side as f32)
    }

    /// What the losses compare the network's answer with, masks `size` x `size`.
    pub fn targets(&self, structures: usize, size: usize, device: &Device) -> Targets {
        let all = || 0..structures;
        let masks: Vec<f32> = all().flat_map(|i| self.mask(i, size)).collect();
        let boxes: Vec<f32> = all().flat_map(|i| self.bounding_box(i)).map(|c| c / self.image_size as f32).collect();
        let present: Vec<f32> = all().map(|i| f32::from(u8::from(self.has(i)))).collect();
        Targets {
            masks: Tensor::from_data(TensorData::new(masks, [structures, size * size]), device),
            boxes: Tensor::from_data(TensorData::new(boxes, [structures, 4]), device),
            present: Tensor::from_data(TensorData::new(present, [structures]), device),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::preprocess;

    /// 40 x 30 with a rectangle of structure 1 and nothing of structure 0.
    fn frame() -> (Frame, Vec<u8>) {
        let (width, height) = (40, 30);
        let rgb = (0..width * height * 3).map(|i| (i * 7919 % 251) as u8).collect();
        let is_inside = |i: usize| (10..20).contains(&(i / width)) && (8..32).contains(&(i % width));
        let class_ids = (0..width * height).map(|i| if is_inside(i) { 2 } else { 0 }).collect();
        (Frame::from_rgb(width, height, rgb).unwrap(), class_ids)
    }

    #[test]
    fn the_input_is_what_the_segmenter_would_see_to_a_grey_level() {
        let (frame, class_ids) = frame();
        let picture = TrainingPicture::from_frame(&frame, &class_ids, 64);
        let found: Vec<f32> =
            picture.image(&Normalization::default(), &Device::flex()).into_data().try_into_vec().unwrap();
        let transform = FrameTransform::new(40, 30, 64);
        let expected = preprocess(&frame, &transform, &Normalization::default());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 0.6 / (255.0 * 0.224), "{found} {expected}");
        }
    }

    #[test]
    fn targets_are_shares_boxes_and_presence() {
        let (frame, class_ids) = frame();
        let picture = TrainingPicture::from_frame(&frame, &class_ids, 64);
        let targets = picture.targets(2, 16, &Device::flex());
        let masks: Vec<f32> = targets.masks.into_data().try_into_vec().unwrap();
        assert!(masks[..256].iter().all(|&share| share == 0.0));
        let area: f32 = masks[256..].iter().sum::<f32>() * 16.0;
        assert_eq!(area as usize, picture.class_ids().iter().filter(|&&id| id == 2).count());
        let boxes: Vec<f32> = targets.boxes.into_data().try_into_vec().unwrap();
        assert_eq!(boxes[..4], [0.0; 4]);
        // Columns 8..32 of 40 and rows 10..20 of 40, in units of the square.
        for (found, expected) in boxes[4..].iter().zip([0.2, 0.25, 0.8, 0.5]) {
            assert!((found - expected).abs() < 1.5 / 64.0, "{found} {expected}");
        }
        let present: Vec<f32> = targets.present.into_data().try_into_vec().unwrap();
        assert_eq!(present, [0.0, 1.0]);
    }
}
