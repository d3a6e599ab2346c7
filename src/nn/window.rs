//! Windows of tokens: `window_partition` and `window_unpartition` of SAM and SAM 2.

use burn::tensor::{Tensor, ops::PadMode};

/// Cuts a map into windows that do not overlap, padding with zeros on the right and at the bottom where it does not divide.
///
/// `[batch, height, width, channels]` -> `[batch * windows, size, size, channels]`, windows row by row.
pub fn window_partition(x: Tensor<4>, size: usize) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let (rows, columns) = (height.div_ceil(size), width.div_ceil(size));
    let (bottom, right) = (rows * size - height, columns * size - width);
    let x =
        if bottom + right > 0 { x.pad([(0, 0), (0, bottom), (0, right), (0, 0)], PadMode::Constant(0.0)) } else { x };
    x.reshape([batch, rows, size, columns, size, channels]).permute([0, 1, 3, 2, 4, 5]).reshape([
        batch * rows * columns,
        size,
        size,
        channels,
    ])
}

/// Puts windows back together and drops the padding: the inverse of [`window_partition`] on a map of `height` x `width`.
pub fn window_unpartition(windows: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    let [count, size, _, channels] = windows.dims();
    let (rows, columns) = (height.div_ceil(size), width.div_ceil(size));
    let batch = count / (rows * columns);
    let x = windows.reshape([batch, rows, columns, size, size, channels]).permute([0, 1, 3, 2, 4, 5]).reshape([
        batch,
        rows * size,
        columns * size,
        channels,
    ]);
    if (rows * size, columns * size) == (height, width) { x } else { x.slice([0..batch, 0..height, 0..width]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn unpartition_undoes_partition_with_and_without_padding() {
        for (height, width, size) in [(8, 8, 4), (9, 7, 4), (3, 3, 14)] {
            let x = Tensor::<4>::random([2, height, width, 3], Distribution::Default, &Device::flex());
            let windows = window_partition(x.clone(), size);
            assert_eq!(windows.dims()[1..], [size, size, 3]);
            window_unpartition(windows, height, width).into_data().assert_eq(&x.into_data(), true);
        }
    }
}
