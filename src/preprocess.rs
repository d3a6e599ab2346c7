//! A frame to the model's input: bilinear to a longest side of `image_size` and zero-padded right and bottom, or stretched to the
//! whole square ([`Fit`]); normalised.
//! `[height, width, 3]` u8 -> `[3, image_size, image_size]` f32.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::resample::Taps;

/// Mean and standard deviation of each channel of the pictures the encoders were trained on, in units of full scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// Subtracted from red, green, blue.
    pub mean: [f32; 3],
    /// Divides red, green, blue.
    pub std: [f32; 3],
}

impl Default for Normalization {
    /// ImageNet's, as SAM and SAM 2 have them.
    fn default() -> Self {
        Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }
}

/// How a frame is fitted to the model's square input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Its sides keep their proportion, and the rest is padding: SAM, and Sam2Rad whatever its encoder.
    #[default]
    Pad,
    /// Each side takes the whole input: SAM 2's own image and video predictors (`sam2/utils/transforms.py`).
    Stretch,
}

impl Fit {
    /// For a frame of this size, each side at least 1.
    pub fn transform(self, width: usize, height: usize, image_size: usize) -> FrameTransform {
        match self {
            Self::Pad => FrameTransform::new(width, height, image_size),
            Self::Stretch => FrameTransform { frame_size: [height, width], resized: [image_size; 2], image_size },
        }
    }
}

/// How a frame lies in the model's square input: scaled, in the left top corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameTransform {
    /// Rows and columns of the frame.
    pub frame_size: [usize; 2],
    /// Rows and columns that the frame takes of the input; the rest is padding.
    pub resized: [usize; 2],
    /// Side of the input.
    pub image_size: usize,
}

impl FrameTransform {
    /// For a frame of this size, each side at least 1, with padding ([`Fit::Pad`]).
    pub fn new(width: usize, height: usize, image_size: usize) -> Self {
        let scale = image_size as f64 / width.max(height) as f64;
        // A side that rounds to nothing keeps one pixel.
        let resize = |side: usize| ((side as f64 * scale + 0.5) as usize).clamp(1, image_size);
        Self { frame_size: [height, width], resized: [resize(height), resize(width)], image_size }
    }

    /// Columns and rows of input for one column and row of the frame (SAM's `apply_coords`).
    fn scale(&self) -> [f32; 2] {
        let [height, width] = self.frame_size;
        let [resized_height, resized_width] = self.resized;
        [resized_width as f32 / width as f32, resized_height as f32 / height as f32]
    }

    /// A point `[x, y]` of the frame in pixels of the input.
    pub fn to_input(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [across, down] = self.scale();
        [x * across, y * down]
    }

    /// A point `[x, y]` of the input in pixels of the frame.
    pub fn to_frame(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [across, down] = self.scale();
        [x / across, y / down]
    }

    /// Left, top, right, bottom of the frame in pixels of the input.
    pub fn box_to_input(&self, [left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
        let [left, top] = self.to_input([left, top]);
        let [right, bottom] = self.to_input([right, bottom]);
        [left, top, right, bottom]
    }

    /// Left, top, right, bottom of the input in pixels of the frame.
    pub fn box_to_frame(&self, [left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
        let [left, top] = self.to_frame([left, top]);
        let [right, bottom] = self.to_frame([right, bottom]);
        [left, top, right, bottom]
    }
}

/// The frame as `transform` lays it, `[3, image_size, image_size]`.
///
/// # Panics
/// Where `transform` was made for a frame of another size.
pub fn preprocess(frame: &Frame, transform: &FrameTransform, normalization: &Normalization) -> Vec<f32> {
    let FrameTransform { frame_size: [height, width], resized: [rows, columns], image_size } = *transform;
    assert_eq!([frame.height(), frame.width()], [height, width], "the transform is another frame's");
    let vertical = Taps::bilinear(height, rows);
    let horizontal = Taps::bilinear(width, columns);
    // Weights sum to 1, so normalising after resampling is the same, on fewer pixels.
    let scale = normalization.std.map(|std| 1.0 / (255.0 * std));
    let offset = [0, 1, 2].map(|c| -normalization.mean[c] / normalization.std[c]);

    let plane = image_size * image_size;
    let mut input = vec![0.0; 3 * plane];
    let mut blended = vec![0f32; 3 * width];
    for (y, tap) in vertical.as_slice().iter().enumerate() {
        let [upper, lower] = tap.indices.map(|row| frame.row(row as usize));
        for ((out, &a), &b) in blended.iter_mut().zip(upper).zip(lower) {
            *out = tap.weights[0] * f32::from(a) + tap.weights[1] * f32::from(b);
        }
        let pixels = blended.as_chunks::<3>().0;
        let (red, rest) = input.split_at_mut(plane);
        let (green, blue) = rest.split_at_mut(plane);
        let out = [red, green, blue].map(|plane| &mut plane[y * image_size..][..columns]);
        for (x, tap) in horizontal.as_slice().iter().enumerate() {
            let [left, right] = tap.indices.map(|column| pixels[column as usize]);
            for c in 0..3 {
                let value = tap.weights[0] * left[c] + tap.weights[1] * right[c];
                out[c][x] = value * scale[c] + offset[c];
            }
        }
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::resize_plane;

    fn frame(width: usize, height: usize) -> Frame {
        let rgb = (0..width * height * 3).map(|i| (i * 7919 % 251) as u8).collect();
        Frame::from_rgb(width, height, rgb).unwrap()
    }

    fn preprocessed(frame: &Frame, image_size: usize) -> (FrameTransform, Vec<f32>) {
        let transform = FrameTransform::new(frame.width(), frame.height(), image_size);
        (transform, preprocess(frame, &transform, &Normalization::default()))
    }

    #[test]
    fn a_frame_of_the_input_s_size_is_only_normalised() {
        let frame = frame(8, 8);
        let (_, input) = preprocessed(&frame, 8);
        let Normalization { mean, std } = Normalization::default();
        for (i, pixel) in frame.rgb().chunks(3).enumerate() {
            for c in 0..3 {
                let expected = (f32::from(pixel[c]) / 255.0 - mean[c]) / std[c];
                assert!((input[c * 64 + i] - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn the_longest_side_fills_the_input_and_the_other_rounds_half_up() {
        assert_eq!(FrameTransform::new(100, 50, 256).resized, [128, 256]);
        assert_eq!(FrameTransform::new(640, 481, 256).resized, [192, 256]);
        // 5 * 4 / 8 = 2.5
        assert_eq!(FrameTransform::new(8, 5, 4).resized, [3, 4]);
    }

    #[test]
    fn a_hair_thin_frame_keeps_a_pixel() {
        assert_eq!(FrameTransform::new(1, 16_000, 256).resized, [256, 1]);
    }

    #[test]
    fn padding_is_zero_after_normalisation() {
        let (transform, input) = preprocessed(&frame(10, 5), 16);
        assert_eq!(transform.resized, [8, 16]);
        for plane in input.chunks(256) {
            assert!(plane[..128].iter().all(|&v| v != 0.0) && plane[128..].iter().all(|&v| v == 0.0));
        }
    }

    #[test]
    fn normalising_before_or_after_resampling_is_the_same() {
        let frame = frame(31, 23);
        let (transform, input) = preprocessed(&frame, 16);
        let [rows, columns] = transform.resized;
        let Normalization { mean, std } = Normalization::default();
        for c in 0..3 {
            let normalised: Vec<f32> =
                frame.rgb().chunks(3).map(|pixel| (f32::from(pixel[c]) / 255.0 - mean[c]) / std[c]).collect();
            let expected = resize_plane(&normalised, 31, &Taps::bilinear(23, rows), &Taps::bilinear(31, columns));
            for (i, expected) in expected.iter().enumerate() {
                let found = input[c * 256 + i / columns * 16 + i % columns];
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }

    #[test]
    fn points_scale_by_the_resized_side_over_the_frame_s_and_come_back() {
        let transform = FrameTransform::new(640, 481, 256);
        let [x, y] = transform.to_input([320.0, 481.0]);
        assert!((x - 128.0).abs() < 1e-4 && (y - 192.0).abs() < 1e-4);
        let bounds = [3.0, 5.0, 600.0, 470.0];
        let back = transform.box_to_frame(transform.box_to_input(bounds));
        assert!(back.iter().zip(bounds).all(|(a, b)| (a - b).abs() < 1e-3), "{back:?}");
    }
}
