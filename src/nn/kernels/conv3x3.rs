//! A 3x3 convolution with stride 1 and zero padding 1, as nine matrix products of shifted pictures.

use burn::tensor::Tensor;

use super::{Matrix, for_each_chunk, into_tensor, multiply_add, on_cpu, threads};

/// `x` `[batch, height, width, in]`, `weight` `[out, in, 3, 3]`, `bias` `[out]` -> `[batch, height, width, out]`; `None` where
/// a tensor is not on the CPU.
pub fn conv3x3(x: &Tensor<4>, weight: &Tensor<4>, bias: Option<&Tensor<1>>) -> Option<Tensor<4>> {
    let input = on_cpu(x)?.to_contiguous();
    let weight_view = on_cpu(weight)?.to_contiguous();
    let bias = match bias {
        Some(bias) => Some(on_cpu(bias)?.to_contiguous()),
        None => None,
    };
    let bias: Option<&[f32]> = bias.as_ref().map(|bias| bias.storage());
    let ([batch, height, width, channels], [out_channels, ..]) = (x.dims(), weight.dims());
    // A picture with a border of zeros, row after row: what lies (dy, dx) away is a fixed distance away. The two pixels that
    // each row is longer are computed and dropped.
    let padded_width = width + 2;
    let mut padded = vec![0f32; ((height + 2) * padded_width + 2) * channels];
    let mut output = vec![0f32; batch * height * width * out_channels];
    let rows_each = height.div_ceil(2 * threads());
    for (picture, output) in output.chunks_exact_mut(height * width * out_channels).enumerate() {
        let input = &input.storage::<f32>()[picture * height * width * channels..][..height * width * channels];
        pad(input, width * channels, padded_width * channels, (padded_width + 1) * channels, &mut padded);
        for_each_chunk(output, rows_each * width * out_channels, |i, chunk| {
            let rows = chunk.len() / (width * out_channels);
            let mut wide = vec![0f32; rows * padded_width * out_channels];
            if let Some(bias) = bias {
                wide.chunks_exact_mut(out_channels).for_each(|pixel| pixel.copy_from_slice(bias));
            }
            for tap in 0..9 {
                let first = (i * rows_each + tap / 3) * padded_width + tap % 3;
                let pixels = Matrix { data: &padded, offset: first * channels, row_stride: channels, column_stride: 1 };
                let kernel =
                    Matrix { data: weight_view.storage(), offset: tap, row_stride: 9, column_stride: 9 * channels };
                let shape = [rows * padded_width, out_channels, channels];
                multiply_add(shape, pixels, kernel, &mut wide, out_channels, 1.0);
            }
            let wide = wide.chunks_exact(padded_width * out_channels);
            for (row, wide) in chunk.chunks_exact_mut(width * out_channels).zip(wide) {
                row.copy_from_slice(&wide[..row.len()]);
            }
        });
    }
    Some(into_tensor(output, [batch, height, width, out_channels]))
}

/// The gradient of the weight `[out, in, 3, 3]` from that of the output: `x` `[batch, height, width, in]`, `grad`
/// `[batch, height, width, out]`.
#[cfg(feature = "learn")]
pub fn conv3x3_weight_gradient(x: &Tensor<4>, grad: &Tensor<4>) -> Tensor<4> {
    let ([batch, height, width, channels], [_, _, _, out_channels]) = (x.dims(), grad.dims());
    let [x, grad] = [x, grad].map(|x| on_cpu(x).expect("recorded on the CPU").to_contiguous());
    let padded_width = width + 2;
    let mut padded = vec![0f32; ((height + 2) * padded_width + 2) * channels];
    // With the rows as far apart as the padded picture's; what lies between them is zero.
    let mut wide = vec![0f32; height * padded_width * out_channels];
    let mut output = vec![0f32; 9 * channels * out_channels];
    for picture in 0..batch {
        let input = &x.storage::<f32>()[picture * height * width * channels..][..height * width * channels];
        let grad = &grad.storage::<f32>()[picture * height * width * out_channels..][..height * width * out_channels];
        pad(input, width * channels, padded_width * channels, (padded_width + 1) * channels, &mut padded);
        pad(grad, width * out_channels, padded_width * out_channels, 0, &mut wide);
        for_each_chunk(&mut output, channels * out_channels, |tap, output| {
            let first = (tap / 3) * padded_width + tap % 3;
            let pixels = Matrix { data: &padded, offset: first * channels, row_stride: 1, column_stride: channels };
            let grad = Matrix { data: &wide, offset: 0, row_stride: out_channels, column_stride: 1 };
            multiply_add([channels, out_channels, height * padded_width], pixels, grad, output, out_channels, 1.0);
        });
    }
    into_tensor(output, [3, 3, channels, out_channels]).permute([3, 2, 0, 1])
}

/// Copies rows to where they lie further apart, the first at `first`.
fn pad(rows: &[f32], row_length: usize, distance: usize, first: usize, padded: &mut [f32]) {
    for (y, row) in rows.chunks_exact(row_length).enumerate() {
        padded[first + y * distance..][..row_length].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_is_burns_convolution;
    use super::*;

    #[test]
    fn it_is_burns_convolution() {
        for (picture, out_channels) in [([1, 1, 1, 1], 1), ([2, 7, 5, 3], 4), ([1, 16, 16, 130], 8)] {
            let weight = [out_channels, picture[3], 3, 3];
            assert_is_burns_convolution(picture, weight, 1, |x, weight, bias| conv3x3(x, weight, Some(bias)));
            assert_is_burns_convolution(picture, weight, 1, |x, weight, bias| {
                conv3x3(x, weight, None).map(|y| y + bias.clone().reshape([1, 1, 1, -1]))
            });
        }
    }
}
