//! A convolution with strides, as a product of the patches under the kernel, copied side by side, and the weight.

use burn::tensor::Tensor;

use super::{Matrix, for_each_chunk, into_tensor, multiply_add, on_cpu};

/// `x` `[batch, height, width, in]`, `weight` `[out, in, kernel, kernel]` with zero padding of half the kernel, `bias` `[out]`
/// -> `[batch, height / stride, width / stride, out]`, both rounded up; `None` where a tensor is not on the CPU.
pub fn conv2d(x: &Tensor<4>, weight: &Tensor<4>, bias: &Tensor<1>, stride: usize) -> Option<Tensor<4>> {
    let input = on_cpu(x)?.to_contiguous();
    // In the order of a patch: row, column, channel.
    let weight_rows = on_cpu(&weight.clone().permute([2, 3, 1, 0]))?.to_contiguous();
    let bias = on_cpu(bias)?.to_contiguous();
    let (input, bias): (&[f32], &[f32]) = (input.storage(), bias.storage());
    let ([batch, height, width, channels], [out_channels, _, kernel, _]) = (x.dims(), weight.dims());
    let (h, w, padding) = (height.div_ceil(stride), width.div_ceil(stride), kernel / 2);
    let (patch_row, patch) = (kernel * channels, kernel * kernel * channels);
    let right = Matrix { data: weight_rows.storage(), offset: 0, row_stride: out_channels, column_stride: 1 };
    let mut output = vec![0f32; batch * h * w * out_channels];
    for_each_chunk(&mut output, (w * out_channels).max(1), |i, out| {
        let (picture, y) = (&input[i / h * height * width * channels..], i % h * stride);
        let mut patches = vec![0f32; w * patch];
        for (x, patch) in patches.chunks_exact_mut(patch).enumerate() {
            // The part of the kernel's columns that is on the picture.
            let left = x * stride;
            let (first, end) = (padding.saturating_sub(left), kernel.min(width + padding - left));
            for (dy, row) in patch.chunks_exact_mut(patch_row).enumerate() {
                if let Some(y) = (y + dy).checked_sub(padding).filter(|y| *y < height) {
                    let source = &picture[(y * width + left + first - padding) * channels..];
                    let row = &mut row[first * channels..end * channels];
                    row.copy_from_slice(&source[..row.len()]);
                }
            }
        }
        out.chunks_exact_mut(out_channels).for_each(|pixel| pixel.copy_from_slice(bias));
        let left = Matrix { data: &patches, offset: 0, row_stride: patch, column_stride: 1 };
        multiply_add([w, out_channels, patch], left, right, out, out_channels, 1.0);
    });
    Some(into_tensor(output, [batch, h, w, out_channels]))
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_is_burns_convolution;
    use super::*;

    #[test]
    fn it_is_burns_convolution() {
        for (picture, size, stride) in [([1, 1, 1, 1], 3, 1), ([2, 9, 6, 3], 7, 4), ([1, 16, 15, 8], 3, 2)] {
            assert_is_burns_convolution(picture, [5, picture[3], size, size], stride, |x, weight, bias| {
                conv2d(x, weight, bias, stride)
            });
        }
    }
}
