//! The first three principal components of a feature map as colours.

/// Components, and colours of a pixel.
const COMPONENTS: usize = 3;
/// The most places that the components are computed from: enough for the directions, and it bounds the work on large maps.
const MAX_PLACES: usize = 1024;
/// Steps of the orthogonal iteration. Directions that are not separated by then have nearly the same variance.
const STEPS: usize = 60;
/// Standard deviations from the mean to the ends of a colour's range.
const RANGE: f64 = 2.5;

/// A map `[height, width, channels]` as `[height, width, 3]` colours: the projections on the first three principal components,
/// grey at the mean. The components are those of the left top part of `rows` and `columns`, the frame's.
///
/// A component's sign is free; here its largest entry is positive, so that alike frames are coloured alike. Where the map varies
/// in fewer directions, the colours left over are grey.
///
/// # Panics
/// Where `values` are not as many as the shape says.
pub fn colors_of_components(
    values: &[f32],
    [height, width, channels]: [usize; 3],
    [rows, columns]: [usize; 2],
) -> Vec<u8> {
    assert_eq!(values.len(), height * width * channels, "a map has as many values as its shape says");
    let place = |row: usize, column: usize| &values[(row * width + column) * channels..][..channels];
    let stride = (rows * columns).div_ceil(MAX_PLACES);
    let sample: Vec<&[f32]> = (0..rows * columns).step_by(stride).map(|i| place(i / columns, i % columns)).collect();
    let mean = mean(&sample, channels);
    let covariance = covariance(&sample, &mean);
    let axes = principal_axes(&covariance, channels);
    let shades = axes.iter().map(|axis| {
        // The variance along the axis; projections are less than what rounding leaves where there is none.
        let spread = dot(axis, &multiply(&covariance, axis)).max(0.0).sqrt();
        (axis, if spread > 1e-6 * (1.0 + dot(&mean, &mean).sqrt()) { 127.5 / (RANGE * spread) } else { 0.0 })
    });
    let shades: Vec<_> = shades.collect();
    let colors = values.chunks_exact(channels).flat_map(|place| {
        shades.iter().map(|(axis, scale)| {
            let centred = place.iter().zip(&mean).zip(axis.iter());
            let projection: f64 = centred.map(|((value, mean), axis)| (f64::from(*value) - mean) * axis).sum();
            // Casts saturate.
            (127.5 + scale * projection).round() as u8
        })
    });
    colors.collect()
}

fn mean(sample: &[&[f32]], channels: usize) -> Vec<f64> {
    let mut mean = vec![0.0; channels];
    for place in sample {
        mean.iter_mut().zip(*place).for_each(|(mean, value)| *mean += f64::from(*value));
    }
    mean.iter_mut().for_each(|mean| *mean /= sample.len() as f64);
    mean
}

/// `[channels, channels]`.
fn covariance(sample: &[&[f32]], mean: &[f64]) -> Vec<f64> {
    let channels = mean.len();
    let mut covariance = vec![0.0; channels * channels];
    let mut centred = vec![0.0; channels];
    for place in sample {
        centred.iter_mut().zip(*place).zip(mean).for_each(|((c, value), mean)| *c = f64::from(*value) - mean);
        for (row, a) in covariance.chunks_exact_mut(channels).zip(&centred) {
            let a = a / sample.len() as f64;
            row.iter_mut().zip(&centred).for_each(|(sum, b)| *sum += a * b);
        }
    }
    covariance
}

/// The eigenvectors of the largest eigenvalues, largest first, by orthogonal iteration.
fn principal_axes(matrix: &[f64], channels: usize) -> Vec<Vec<f64>> {
    // Any start will do that no eigenvector stands upright on: numbers without a pattern, the same each time.
    let start = |k: usize| (0..channels).map(|i| (1.0 + (i * COMPONENTS + k) as f64).powi(2).sin()).collect();
    let mut axes: Vec<Vec<f64>> = (0..COMPONENTS).map(start).collect();
    for _ in 0..STEPS {
        for k in 0..axes.len() {
            let (before, rest) = axes.split_at_mut(k);
            let mut axis = multiply(matrix, &rest[0]);
            for earlier in before.iter() {
                let along = dot(&axis, earlier);
                axis.iter_mut().zip(earlier).for_each(|(value, earlier)| *value -= along * earlier);
            }
            let length = dot(&axis, &axis).sqrt();
            // Nothing varies in this direction any more: what is left is rounding, or nothing.
            let scale = if length > f64::MIN_POSITIVE { 1.0 / length } else { 0.0 };
            rest[0] = axis.into_iter().map(|value| value * scale).collect();
        }
    }
    for axis in &mut axes {
        let largest =
            axis.iter().copied().fold(0.0, |largest: f64, v| if v.abs() > largest.abs() { v } else { largest });
        axis.iter_mut().for_each(|value| *value *= largest.signum());
    }
    axes
}

fn multiply(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(vector.len()).map(|row| dot(row, vector)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 24;

    /// A field that varies along `axes` with falling strength, and otherwise not.
    fn field(axes: &[[f32; 5]]) -> Vec<f32> {
        let along = |k: usize, i: usize| (i as f32 * [0.7, 1.9, 3.1][k]).sin() * [8.0, 3.0, 1.0][k];
        let value =
            |i: usize, c: usize| 2.0 + axes.iter().enumerate().map(|(k, axis)| along(k, i) * axis[c]).sum::<f32>();
        (0..SIDE * SIDE).flat_map(|i| (0..5).map(move |c| value(i, c))).collect()
    }

    const AXES: [[f32; 5]; 3] = [[0.6, 0.8, 0.0, 0.0, 0.0], [-0.8, 0.6, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]];

    fn axes_of(values: &[f32]) -> Vec<Vec<f64>> {
        let sample: Vec<_> = values.chunks_exact(5).collect();
        principal_axes(&covariance(&sample, &mean(&sample, 5)), 5)
    }

    #[test]
    fn the_axes_of_a_field_are_found_strongest_first_and_their_largest_entry_is_positive() {
        let expected = [[0.6, 0.8, 0.0, 0.0, 0.0], [0.8, -0.6, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]];
        for (found, expected) in axes_of(&field(&AXES)).iter().zip(expected) {
            // The sines are only nearly uncorrelated.
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.05), "{found:?}");
        }
    }

    #[test]
    fn colours_tell_the_strongest_direction_in_red() {
        let values = field(&AXES);
        let colors = colors_of_components(&values, [SIDE, SIDE, 5], [SIDE, SIDE]);
        for (color, place) in colors.as_chunks::<3>().0.iter().zip(values.chunks_exact(5)) {
            let projection = 0.6 * (place[0] - 2.0) + 0.8 * (place[1] - 2.0);
            assert!(projection.abs() < 1.0 || (color[0] > 127) == (projection > 0.0), "{color:?} {projection}");
        }
    }

    #[test]
    fn what_does_not_vary_is_grey() {
        let colors = colors_of_components(&field(&AXES[..1]), [SIDE, SIDE, 5], [SIDE, SIDE]);
        assert!(colors.as_chunks::<3>().0.iter().all(|[_, green, blue]| (*green, *blue) == (128, 128)));
        assert_eq!(colors_of_components(&[7.0; 4], [2, 2, 1], [2, 2]), [128; 12]);
    }

    #[test]
    fn padding_has_no_say_in_the_colours() {
        let mut values = field(&AXES);
        let part = |values: &[f32]| {
            colors_of_components(values, [SIDE, SIDE, 5], [SIDE / 2, SIDE])[..SIDE * SIDE / 2].to_vec()
        };
        let before = part(&values);
        values[5 * SIDE * SIDE / 2..].fill(900.0);
        assert_eq!(part(&values), before);
    }
}
