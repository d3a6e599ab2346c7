//! Sine position encodings: SAM 2's `PositionEmbeddingSine` and `get_1d_sine_pe`, and the reference's 1-D one.

use burn::tensor::{Device, Tensor, TensorData};
use std::f64::consts::TAU;

const TEMPERATURE: f64 = 10_000.0;
const EPSILON: f64 = 1e-6;

/// Encoding of the token index: even channels sine, odd channels cosine, `inv_freq = 10000^(-2k / channels)`.
///
/// Returns `[1, tokens, channels]`.
pub fn sine_1d(tokens: usize, channels: usize, device: &Device) -> Tensor<3> {
    Tensor::<2>::from_data(TensorData::new(values_1d(tokens, channels), [tokens, channels]), device).unsqueeze()
}

/// The values of [`sine_1d`], `[tokens, channels]`.
pub fn values_1d(tokens: usize, channels: usize) -> Vec<f32> {
    sines((0..tokens).map(|i| i as f64), channels)
}

/// Encoding of the pixel on a `height` x `width` grid: the first half of the channels tells the row, the second the column,
/// each running from just above 0 to 2 pi over the picture.
///
/// Returns `[1, height, width, channels]`.
pub fn sine_2d(height: usize, width: usize, channels: usize, device: &Device) -> Tensor<4> {
    let half = channels / 2;
    let rows = Tensor::<4>::from_data(TensorData::new(along(height, half), [1, height, 1, half]), device);
    let columns = Tensor::<4>::from_data(TensorData::new(along(width, half), [1, 1, width, half]), device);
    Tensor::cat(vec![rows.expand([1, height, width, half]), columns.expand([1, height, width, half])], 3)
}

/// Encoding of how far back each of `n` frames is (`get_1d_sine_pe`): the first half of the channels is sines, the second cosines of the
/// same angles, whose frequencies come in pairs.
///
/// Returns `[n, channels]`.
pub fn sine_of_distances(distances: &[f64], channels: usize, device: &Device) -> Tensor<2> {
    let half = channels / 2;
    let angle = |distance: f64, i: usize| distance * TEMPERATURE.powf(-((i / 2 * 2) as f64) / half as f64);
    let values = distances.iter().flat_map(|&distance| {
        let sines = (0..half).map(move |i| angle(distance, i).sin() as f32);
        sines.chain((0..half).map(move |i| angle(distance, i).cos() as f32))
    });
    let values: Vec<f32> = values.collect();
    Tensor::from_data(TensorData::new(values, [distances.len(), channels]), device)
}

/// The encodings of the rows and then of the columns of [`sine_2d`], zero in the other's channels:
/// `[height + width, channels]`. A pixel's encoding is the sum of its row's and its column's.
#[cfg(feature = "gpu")]
pub fn axes_2d(height: usize, width: usize, channels: usize) -> Vec<f32> {
    let half = channels / 2;
    let mut values = vec![0.0; (height + width) * channels];
    let rows = along(height, half).into_iter().enumerate().map(|(i, value)| (i / half * channels + i % half, value));
    let first = height * channels + half;
    let columns = along(width, half).into_iter().enumerate();
    let columns = columns.map(|(i, value)| (first + i / half * channels + i % half, value));
    rows.chain(columns).for_each(|(at, value)| values[at] = value);
    values
}

/// Positions along a side of `n` pixels, from just above 0 to 2 pi, `[n, channels]`.
fn along(n: usize, channels: usize) -> Vec<f32> {
    sines((1..=n).map(move |i| i as f64 / (n as f64 + EPSILON) * TAU), channels)
}

/// Sine of whole turns, `sin(2 pi t)`, to the last bits on every device: a GPU's own sine may be off by 5e-4 (WGSL's bound).
pub fn sine_of_turns(turns: Tensor<2>) -> Tensor<2> {
    // Whole turns change nothing; what is left lies in -1/2..1/2 and mirrors at a quarter.
    let turn = turns.clone() - turns.round();
    let quarter = (turn.clone().abs() - 0.25).abs().neg() + 0.25;
    let angle = quarter * turn.sign() * TAU;
    let square = angle.clone() * angle.clone();
    // Taylor's series, to the term where it ends below f64's noise of the rest: x - x^3 / 3! + ... - x^15 / 15!.
    let series = (1..=7).rev().fold(square.ones_like(), |sum, k| {
        let k = f64::from(k);
        (sum * square.clone()).mul_scalar(-1.0 / (2.0 * k * (2.0 * k + 1.0))) + 1.0
    });
    angle * series
}

/// Interleaved sines and cosines of each position at `channels / 2` frequencies, row-major.
fn sines(positions: impl Iterator<Item = f64>, channels: usize) -> Vec<f32> {
    let frequency = |channel: usize| TEMPERATURE.powf(-((channel / 2 * 2) as f64) / channels as f64);
    let frequencies: Vec<f64> = (0..channels).map(frequency).collect();
    let sine = |position: f64, channel: usize| {
        let angle = position * frequencies[channel];
        (if channel.is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
    };
    positions
        .flat_map(|position| (0..channels).map(move |channel| (position, channel)))
        .map(|(p, c)| sine(p, c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_channels_are_sines_and_odd_ones_cosines() {
        let found: Vec<f32> = sine_1d(3, 4, &Device::flex()).into_data().try_into_vec().unwrap();
        assert_eq!(&found[..4], &[0.0, 1.0, 0.0, 1.0]);
        assert!((found[8] - 2f32.sin()).abs() < 1e-6 && (found[11] - 0.02f32.cos()).abs() < 1e-6);
    }

    #[test]
    fn distances_are_sines_then_cosines_with_paired_frequencies() {
        let found: Vec<f32> = sine_of_distances(&[0.0, 2.0], 8, &Device::flex()).into_data().try_into_vec().unwrap();
        assert_eq!(found[..8], [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        let expected = [2f32, 2.0, 0.02, 0.02].map(|angle| [angle.sin(), angle.cos()]);
        for (i, [sine, cosine]) in expected.into_iter().enumerate() {
            assert!((found[8 + i] - sine).abs() < 1e-6 && (found[12 + i] - cosine).abs() < 1e-6, "{i}");
        }
    }

    #[test]
    fn the_sine_of_turns_is_the_sine() {
        let turns: Vec<f32> = (-4000..4000).map(|i| i as f32 * 1.37e-3).collect();
        let found = sine_of_turns(Tensor::from_data(TensorData::new(turns.clone(), [8000, 1]), &Device::flex()));
        for (turn, found) in turns.iter().zip(found.into_data().iter::<f64>()) {
            assert!((found - (f64::from(*turn) * TAU).sin()).abs() < 1e-6, "{turn}: {found}");
        }
    }

    #[test]
    fn a_square_grid_encodes_rows_first() {
        let encoding: Vec<f32> = sine_2d(2, 2, 4, &Device::flex()).into_data().try_into_vec().unwrap();
        let (top_right, bottom_left) = (&encoding[4..8], &encoding[8..12]);
        assert_eq!(top_right[..2], bottom_left[2..]);
        assert_ne!(top_right[..2], bottom_left[..2]);
    }
}
