//! A matrix product for WASM. Its engines keep 15 vectors in registers, and the kernel of the `gemm` crate needs 16 and has its loop
//! unrolled, so that most of what it reads goes through the stack: this one takes 4 rows and 8 columns at a time, and is a fifth to a
//! third faster there.

use super::{Matrix, SUM_LENGTH};

/// Rows, and values in each, below which copying them side by side does not pay.
#[cfg(target_arch = "wasm32")]
pub const LEAST: usize = 32;

const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// `out += factor left right`: `[m, k]`, `[k, n]`, and `out` with rows of `n` values, `out_stride` apart.
pub fn add_product(
    [m, n, k]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    out: &mut [f32],
    out_stride: usize,
    factor: f32,
) {
    let panels = pack_columns(n, k, right);
    let mut rows = vec![[0f32; ROWS]; k];
    for (i, out) in out.chunks_mut(ROWS * out_stride).take(m.div_ceil(ROWS)).enumerate() {
        let first = i * ROWS;
        pack_rows(first..m.min(first + ROWS), left, &mut rows);
        for (j, panel) in panels.chunks_exact(k).enumerate() {
            let (start, end) = (j * COLUMNS, n.min((j + 1) * COLUMNS));
            for (rows, panel) in rows.chunks(SUM_LENGTH).zip(panel.chunks(SUM_LENGTH)) {
                let sums = tile(rows, panel);
                for (out, sums) in out.chunks_mut(out_stride).zip(sums).take(m - first) {
                    let out = &mut out[start..end];
                    match out.as_mut_array::<COLUMNS>() {
                        // Of a known width, which vectorises.
                        Some(out) => add(out, &sums, factor),
                        None => add(out, &sums, factor),
                    }
                }
            }
        }
    }
}

/// `out += factor sums`, as far as there is an `out`.
#[inline(always)]
fn add(out: &mut [f32], sums: &[f32], factor: f32) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out += factor * sum;
    }
}

/// The products of 4 rows and 8 columns of the same length: 8 sums, 2 vectors of columns and 4 of one row's value each, 14 in all.
/// A function of its own, so that the compiler keeps nothing else in registers.
#[inline(never)]
fn tile(rows: &[[f32; ROWS]], columns: &[[f32; COLUMNS]]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0f32; COLUMNS]; ROWS];
    for (row, column) in rows.iter().zip(columns) {
        for (sums, row) in sums.iter_mut().zip(row) {
            for (sum, column) in sums.iter_mut().zip(column) {
                *sum += row * column;
            }
        }
    }
    sums
}

/// `[k, n]` as panels of 8 columns, each `[k, 8]`, the last with zeros behind its columns.
fn pack_columns(n: usize, k: usize, right: Matrix<'_>) -> Vec<[f32; COLUMNS]> {
    let mut panels = vec![[0f32; COLUMNS]; n.div_ceil(COLUMNS) * k];
    for (j, panel) in panels.chunks_exact_mut(k).enumerate() {
        let first = right.offset + j * COLUMNS * right.column_stride;
        let columns = COLUMNS.min(n - j * COLUMNS);
        if right.column_stride == 1 {
            for (i, values) in panel.iter_mut().enumerate() {
                values[..columns].copy_from_slice(&right.data[first + i * right.row_stride..][..columns]);
            }
        } else {
            for x in 0..columns {
                let first = first + x * right.column_stride;
                panel
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, values)| values[x] = right.data[first + i * right.row_stride]);
            }
        }
    }
    panels
}

/// Up to 4 rows side by side: `[k, 4]`. What is behind the last row is one of the others.
fn pack_rows(which: std::ops::Range<usize>, left: Matrix<'_>, rows: &mut [[f32; ROWS]]) {
    let last = which.end - 1;
    let row = |r: usize| &left.data[left.offset + last.min(which.start + r) * left.row_stride..];
    let [a, b, c, d] = [row(0), row(1), row(2), row(3)];
    if left.column_stride == 1 {
        let [a, b, c, d] = [&a[..rows.len()], &b[..rows.len()], &c[..rows.len()], &d[..rows.len()]];
        for (i, values) in rows.iter_mut().enumerate() {
            *values = [a[i], b[i], c[i], d[i]];
        }
    } else {
        for (i, values) in rows.iter_mut().enumerate() {
            let i = i * left.column_stride;
            *values = [a[i], b[i], c[i], d[i]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_of_products_for_every_layout() {
        let data: Vec<f32> = (0..5000).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect();
        for [m, n, k] in [[1, 1, 1], [4, 8, 3], [5, 9, 7], [13, 31, 20], [3, 64, 70]] {
            let plain = |offset, columns| Matrix { data: &data, offset, row_stride: columns, column_stride: 1 };
            for left in [plain(3, k + 2), plain(3, m + 1).transposed()] {
                for right in [plain(50, n + 1), plain(50, k).transposed()] {
                    let stride = n + 3;
                    // No row is longer than it must be: the last has no gap behind it.
                    let mut found = vec![1f32; (m - 1) * stride + n];
                    add_product([m, n, k], left, right, &mut found, stride, 0.5);
                    for (i, found) in found.iter().enumerate() {
                        let (r, c) = (i / stride, i % stride);
                        let products = (0..k).map(|j| {
                            let a = left.data[left.offset + r * left.row_stride + j * left.column_stride];
                            f64::from(a)
                                * f64::from(right.data[right.offset + j * right.row_stride + c * right.column_stride])
                        });
                        let expected = if c < n { 1.0 + 0.5 * products.sum::<f64>() } else { 1.0 };
                        assert!((f64::from(*found) - expected).abs() < 1e-5, "{m} {n} {k} at {r}, {c}");
                    }
                }
            }
        }
    }
}
