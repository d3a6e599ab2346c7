//! Resizing of channels-last maps as PyTorch's `F.interpolate` with `align_corners=False`.
//!
//! Interpolation is linear and separable, so it is a matrix product along the height and one along the width: quick where
//! the map is small, and differentiable for free.

use burn::tensor::{Device, Tensor, TensorData};

/// Kernels of [`resize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// Two taps; coordinates before the first pixel's centre are clamped to it.
    Bilinear,
    /// A triangle as wide as an output pixel is in the input, for making maps smaller; cut off at the edges.
    Antialiased,
    /// Four taps of Keys' cubic with a = -0.75.
    Bicubic,
}

/// `[batch, height, width, channels]` -> `[batch, out_height, out_width, channels]`.
pub fn resize(x: Tensor<4>, [out_height, out_width]: [usize; 2], interpolation: Interpolation) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let device = x.device();
    let vertical = interpolation.matrix(height, out_height, &device).unsqueeze::<3>();
    let horizontal = interpolation.matrix(width, out_width, &device).unsqueeze::<3>();
    let x = vertical.matmul(x.reshape([batch, height, width * channels]));
    horizontal
        .matmul(x.reshape([batch * out_height, width, channels]))
        .reshape([batch, out_height, out_width, channels])
}

/// Repeats each pixel `factor` times along both sides: `[batch, h, w, channels]` -> `[batch, factor h, factor w, channels]`.
pub fn upsample_nearest(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    if factor == 1 {
        return x;
    }
    x.reshape([batch, height, 1, width, 1, channels])
        .expand([batch, height, factor, width, factor, channels])
        .reshape([batch, height * factor, width * factor, channels])
}

impl Interpolation {
    fn matrix(self, input: usize, output: usize, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.weights(input, output), [output, input]), device)
    }

    /// `[output, input]`: the weight of each input pixel in each output pixel.
    pub(crate) fn weights(self, input: usize, output: usize) -> Vec<f32> {
        let mut weights = vec![0f32; output * input];
        for (i, row) in weights.chunks_exact_mut(input).enumerate() {
            let scale = input as f64 / output as f64;
            let centre = (i as f64 + 0.5) * scale - 0.5;
            for (tap, weight) in self.taps(centre, scale, input) {
                row[tap.clamp(0, input as i64 - 1) as usize] += weight as f32;
            }
        }
        weights
    }

    /// What an output pixel reads of a line of `input` pixels, of which `scale` are as wide as it.
    fn taps(self, centre: f64, scale: f64, input: usize) -> Vec<(i64, f64)> {
        match self {
            Self::Bilinear => {
                let centre = centre.max(0.0);
                let first = centre.floor();
                let t = centre - first;
                vec![(first as i64, 1.0 - t), (first as i64 + 1, t)]
            }
            Self::Antialiased => {
                let width = scale.max(1.0);
                let first = (centre - width).ceil().max(0.0) as i64;
                let last = ((centre + width).floor() as i64).min(input as i64 - 1);
                let weight = |tap: i64| 1.0 - (tap as f64 - centre).abs() / width;
                let sum: f64 = (first..=last).map(weight).sum();
                (first..=last).map(|tap| (tap, weight(tap) / sum)).collect()
            }
            Self::Bicubic => {
                let first = centre.floor();
                (-1..3).map(|k| (first as i64 + k, cubic(centre - (first + k as f64)))).collect()
            }
        }
    }
}

/// Keys' cubic convolution kernel with PyTorch's a = -0.75.
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.75;
    let d = distance.abs();
    if d <= 1.0 { ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0 } else { ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resized(values: &[f32], output: usize, interpolation: Interpolation) -> Vec<f32> {
        let x = Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, values.len(), 1, 1]), &Device::flex());
        resize(x, [output, 1], interpolation).into_data().try_into_vec().unwrap()
    }

    #[test]
    fn bilinear_matches_the_definition_and_clamps_at_the_edge() {
        let found = resized(&[0.0, 1.0], 4, Interpolation::Bilinear);
        assert_eq!(found, [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn antialiasing_weighs_all_pixels_under_the_triangle_and_keeps_a_constant() {
        let found = resized(&[0.0, 0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0], 2, Interpolation::Antialiased);
        // Half a pixel from the second's first edge; the triangle's part on the line sums to 28/32 of the whole.
        for (found, expected) in found.iter().zip([8.0 * 3.0 / 28.0, 8.0 * 5.0 / 28.0]) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert_eq!(resized(&[3.0; 12], 3, Interpolation::Antialiased), [3.0; 3]);
    }

    #[test]
    fn bicubic_reproduces_a_straight_line_away_from_the_edge() {
        let line: Vec<f32> = (0..8).map(|i| i as f32).collect();
        let found = resized(&line, 16, Interpolation::Bicubic);
        for (i, value) in found.iter().enumerate().take(12).skip(4) {
            let expected = (i as f32 + 0.5) / 2.0 - 0.5;
            // a = -0.75 is not exact on lines: PyTorch overshoots by up to 2.4 % of a step.
            assert!((value - expected).abs() < 0.05, "{i}: {value} {expected}");
        }
    }

    #[test]
    fn nearest_repeats_pixels() {
        let x = Tensor::<4>::from_data(TensorData::new(vec![1f32, 2.0, 3.0, 4.0], [1, 2, 2, 1]), &Device::flex());
        let found: Vec<f32> = upsample_nearest(x, 2).into_data().try_into_vec().unwrap();
        assert_eq!(found, [1., 1., 2., 2., 1., 1., 2., 2., 3., 3., 4., 4., 3., 3., 4., 4.]);
    }
}
