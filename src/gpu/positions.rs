//! Position encodings as plain values, made once for a model.

use std::f64::consts::TAU;

/// SAM's random encoding of positions `(x, y)` in 0..1: sines and cosines of their projections by `gaussian`
/// `[2, channels / 2]`, -> `[n, channels]`.
pub(super) fn random_encoding(positions: &[[f32; 2]], gaussian: &[f32]) -> Vec<f32> {
    let half = gaussian.len() / 2;
    let encode = |&[x, y]: &[f32; 2]| {
        let [x, y] = [x, y].map(|at| f64::from(at) * 2.0 - 1.0);
        let turns = move |k: usize| x * f64::from(gaussian[k]) + y * f64::from(gaussian[half + k]);
        let channel = move |i: usize| if i < half { (turns(i) * TAU).sin() } else { (turns(i - half) * TAU).cos() };
        (0..2 * half).map(channel).map(|value| value as f32).collect::<Vec<_>>()
    };
    positions.iter().flat_map(encode).collect()
}

/// The middle of each token on a grid of `side` x `side`, in 0..1.
pub(super) fn grid_positions(side: usize) -> Vec<[f32; 2]> {
    let centre = |i: usize| (i as f32 + 0.5) / side as f32;
    (0..side * side).map(|i| [centre(i % side), centre(i / side)]).collect()
}
