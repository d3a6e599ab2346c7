//! Bilinear resampling: PyTorch's `F.interpolate(mode="bilinear", align_corners=False, antialias=False)`.
//!
//! Output pixel `i` reads the input at `(i + 0.5) * input / output - 0.5`, clamped to the first and last pixel's centre.
//! The weights are separable, so each axis has its own table of [`Taps`], made once for a size. Two tables in a row are
//! again a table ([`Taps::after_upsampling`]): masks come back to the frame's size without the picture in between.

use std::ops::Range;

/// What one output pixel reads: `N` input pixels, ascending, and their weights, which are at least 0 and sum to 1.
/// Where fewer pixels are needed, the last repeats with weight 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tap<const N: usize> {
    /// Input pixels.
    pub indices: [u32; N],
    /// Their weights.
    pub weights: [f32; N],
}

/// The [`Tap`] of each output pixel of one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Taps<const N: usize>(Vec<Tap<N>>);

impl Taps<2> {
    /// `input` pixels to `output` pixels, both at least 1.
    ///
    /// Positions are in f64 and rounded once; PyTorch on f32 tensors has them in f32, at most 1e-4 of a pixel away.
    pub fn bilinear(input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        Self::at((0..output).map(|i| (i as f64 + 0.5) * scale - 0.5), input)
    }

    /// Output pixels that read an axis of `input` pixels, at least 1, at `positions` of their own: 0 is the first pixel's
    /// centre, 1 the second's.
    pub fn at(positions: impl Iterator<Item = f64>, input: usize) -> Self {
        let tap = |position: f64| {
            let position = position.max(0.0);
            let first = (position as usize).min(input - 1);
            let second = (first + 1).min(input - 1);
            let t = (position - first as f64).min(1.0) as f32;
            Tap { indices: [first as u32, second as u32], weights: [1.0 - t, t] }
        };
        Self(positions.map(tap).collect())
    }

    /// First `upsampling`, then this table. Pixels of the enlarged picture that this table does not read are cropped.
    ///
    /// Two neighbours in an enlarged picture together read at most three pixels of the small one.
    ///
    /// # Panics
    /// Where `upsampling` shrinks, or makes fewer pixels than this table reads.
    pub fn after_upsampling(&self, upsampling: &Taps<2>) -> Taps<3> {
        Taps(self.0.iter().map(|tap| compose(tap, &upsampling.0)).collect())
    }
}

fn compose(outer: &Tap<2>, inner: &[Tap<2>]) -> Tap<3> {
    let [nearer, farther] = outer.indices.map(|index| inner[index as usize]);
    let first = nearer.indices[0];
    let last = farther.indices[1];
    let mut weights = [0.0; 3];
    for (tap, outer_weight) in [nearer, farther].iter().zip(outer.weights) {
        for (index, weight) in tap.indices.iter().zip(tap.weights) {
            weights[(index - first) as usize] += outer_weight * weight;
        }
    }
    Tap { indices: [first, (first + 1).min(last), last.min(first + 2)], weights }
}

impl<const N: usize> Taps<N> {
    /// One tap for each output pixel.
    pub fn as_slice(&self) -> &[Tap<N>] {
        &self.0
    }

    /// The output pixels that read any of the input pixels in `inputs`.
    pub fn reading(&self, inputs: Range<usize>) -> Range<usize> {
        let start = self.0.partition_point(|tap| (tap.indices[N - 1] as usize) < inputs.start);
        let end = self.0.partition_point(|tap| (tap.indices[0] as usize) < inputs.end);
        start..end.max(start)
    }
}

impl<const N: usize> Tap<N> {
    /// The value of this output pixel.
    #[inline]
    pub fn read(&self, value_at: impl Fn(usize) -> f32) -> f32 {
        let mut sum = 0.0;
        for (&index, weight) in self.indices.iter().zip(self.weights) {
            sum += weight * value_at(index as usize);
        }
        sum
    }

    /// The values of this output row, from whole input rows.
    #[inline]
    pub fn blend<'a>(&self, row_at: impl Fn(usize) -> &'a [f32], out: &mut [f32]) {
        let rows = self.indices.map(|index| &row_at(index as usize)[..out.len()]);
        for (i, out) in out.iter_mut().enumerate() {
            let mut sum = 0.0;
            for (row, weight) in rows.iter().zip(self.weights) {
                sum += weight * row[i];
            }
            *out = sum;
        }
    }
}

/// Resizes one plane: `[input rows, width]` -> `[rows, columns]`. The widths of the tables are the sizes.
///
/// # Panics
/// Where `plane` is smaller than the tables read.
pub fn resize_plane<const N: usize>(plane: &[f32], width: usize, rows: &Taps<N>, columns: &Taps<N>) -> Vec<f32> {
    let out_width = columns.0.len();
    let mut wide = Vec::with_capacity(plane.len() / width * out_width);
    for row in plane.chunks_exact(width) {
        wide.extend(columns.0.iter().map(|tap| tap.read(|i| row[i])));
    }
    let mut out = vec![0.0; rows.0.len() * out_width];
    for (tap, out) in rows.0.iter().zip(out.chunks_exact_mut(out_width)) {
        tap.blend(|y| &wide[y * out_width..][..out_width], out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resize(plane: &[f32], [height, width]: [usize; 2], [out_height, out_width]: [usize; 2]) -> Vec<f32> {
        resize_plane(plane, width, &Taps::bilinear(height, out_height), &Taps::bilinear(width, out_width))
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (i, (f, e)) in found.iter().zip(expected).enumerate() {
            assert!((f - e).abs() <= 1e-6 * (1.0 + e.abs()), "{i}: {f}, expected {e}");
        }
    }

    /// A picture without symmetry.
    fn picture(height: usize, width: usize) -> Vec<f32> {
        (0..height * width).map(|i| ((i * 7919) % 101) as f32 / 10.0 - 5.0).collect()
    }

    /// The definition, a pixel at a time in f64, with all four corners: nothing shared with the tables.
    fn by_definition(plane: &[f32], [height, width]: [usize; 2], [out_height, out_width]: [usize; 2]) -> Vec<f32> {
        let at = |i: usize, input: usize, output: usize| {
            let position = ((i as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0);
            (position.floor() as usize, position.floor() as usize + usize::from(position.floor() < input as f64 - 1.0))
        };
        let mut out = Vec::new();
        for y in 0..out_height {
            for x in 0..out_width {
                let ((y0, y1), (x0, x1)) = (at(y, height, out_height), at(x, width, out_width));
                let v = ((y as f64 + 0.5) * height as f64 / out_height as f64 - 0.5).max(0.0) - y0 as f64;
                let u = ((x as f64 + 0.5) * width as f64 / out_width as f64 - 0.5).max(0.0) - x0 as f64;
                let value = |y: usize, x: usize| f64::from(plane[y * width + x]);
                let top = (1.0 - u) * value(y0, x0) + u * value(y0, x1);
                let bottom = (1.0 - u) * value(y1, x0) + u * value(y1, x1);
                out.push(((1.0 - v) * top + v * bottom) as f32);
            }
        }
        out
    }

    #[test]
    fn enlarging_clamps_at_the_edges() {
        // Worked by hand: positions -0.25, 0.25, 0.75, 1.25 of two pixels.
        assert_close(&resize(&[0.0, 1.0], [1, 2], [1, 4]), &[0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn enlarging_a_corner_blends_both_ways() {
        // Worked by hand: positions -1/6, 1/2 and 7/6 on both axes, the outer two clamped.
        let found = resize(&[1.0, 2.0, 3.0, 4.0], [2, 2], [3, 3]);
        assert_close(&found, &[1.0, 1.5, 2.0, 2.0, 2.5, 3.0, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn shrinking_reads_two_pixels_without_antialiasing() {
        // Worked by hand: positions 0.75 and 3.25 of five pixels.
        assert_close(&resize(&[0.0, 10.0, 20.0, 30.0, 40.0], [1, 5], [1, 2]), &[7.5, 32.5]);
    }

    #[test]
    fn the_same_size_changes_nothing() {
        assert_eq!(resize(&picture(5, 7), [5, 7], [5, 7]), picture(5, 7));
    }

    #[test]
    fn one_pixel_fills_everything() {
        assert_eq!(resize(&[3.0], [1, 1], [2, 3]), [3.0; 6]);
    }

    #[test]
    fn tables_agree_with_the_definition_up_and_down() {
        for (from, to) in [([7, 9], [13, 4]), ([3, 5], [64, 63]), ([40, 30], [11, 30]), ([2, 1], [5, 9])] {
            let plane = picture(from[0], from[1]);
            assert_close(&resize(&plane, from, to), &by_definition(&plane, from, to));
        }
    }

    #[test]
    fn two_tables_in_one_agree_with_one_after_the_other_and_crop() {
        for (small, large, kept, out) in [(8, 32, 32, 50), (8, 32, 21, 17), (8, 32, 21, 3), (4, 16, 1, 5), (8, 8, 5, 9)]
        {
            let plane = picture(small, small);
            let upsampling = Taps::bilinear(small, large);
            let enlarged = resize(&plane, [small, small], [large, large]);
            let cropped: Vec<f32> = enlarged.chunks(large).take(kept).flat_map(|row| &row[..kept]).copied().collect();
            let expected = resize(&cropped, [kept, kept], [out, out]);
            let composed = Taps::bilinear(kept, out).after_upsampling(&upsampling);
            let found = resize_plane(&plane, small, &composed, &composed);
            for (f, e) in found.iter().zip(&expected) {
                assert!((f - e).abs() < 1e-5, "{small} {large} {kept} {out}: {f} {e}");
            }
        }
    }

    #[test]
    fn readers_of_a_range_are_found() {
        let taps = Taps::bilinear(4, 8);
        assert_eq!(taps.reading(0..4), 0..8);
        // Output pixels 3 and 4 blend inputs 1 and 2; 5 and 6 blend 2 and 3.
        assert_eq!(taps.reading(2..3), 3..7);
        assert!(taps.reading(2..2).len() <= 2);
    }
}
