//! A depthwise convolution with zero padding of half its kernel.

use burn::tensor::Tensor;

use super::{for_each_chunk, into_tensor, on_cpu};

/// `x` `[batch, height, width, channels]`, `weight` `[channels, 1, kernel, kernel]`, `bias` `[channels]` -> `[batch, height / stride,
/// width / stride, channels]`, both rounded up; `None` where a tensor is not on the CPU.
pub fn depthwise(x: &Tensor<4>, weight: &Tensor<4>, bias: &Tensor<1>, stride: usize) -> Option<Tensor<4>> {
    let ([batch, height, width, channels], kernel) = (x.dims(), weight.dims()[2]);
    let input = on_cpu(x)?.to_contiguous();
    // Tap by tap, as a pixel's channels lie side by side.
    let [weight, bias] =
        [on_cpu(&weight.clone().permute([2, 3, 1, 0]))?.to_contiguous(), on_cpu(bias)?.to_contiguous()];
    let (input, weight, bias): (&[f32], &[f32], &[f32]) = (input.storage(), weight.storage(), bias.storage());
    let padding = kernel / 2;
    let (h, w) = (height.div_ceil(stride), width.div_ceil(stride));
    let mut output = vec![0f32; batch * h * w * channels];
    for_each_chunk(&mut output, (w * channels).max(1), |i, row| {
        let (first, y) = (i / h * height * width, i % h * stride);
        for (x, out) in row.chunks_exact_mut(channels).enumerate() {
            out.copy_from_slice(bias);
            for (tap, weight) in weight.chunks_exact(channels).enumerate() {
                // So much less than this; the zeros around the picture add nothing.
                let (y, x) = (y + tap / kernel, x * stride + tap % kernel);
                if y < padding || y >= height + padding || x < padding || x >= width + padding {
                    continue;
                }
                let pixel = &input[(first + (y - padding) * width + x - padding) * channels..][..channels];
                for ((out, value), weight) in out.iter_mut().zip(pixel).zip(weight) {
                    *out += value * weight;
                }
            }
        }
    });
    Some(into_tensor(output, [batch, h, w, channels]))
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_is_burns_convolution;
    use super::*;

    #[test]
    fn it_is_burns_convolution() {
        for picture in [[1, 1, 1, 1], [2, 7, 4, 3], [1, 16, 16, 130]] {
            for (size, stride) in [(3, 1), (3, 2), (7, 1)] {
                assert_is_burns_convolution(picture, [picture[3], 1, size, size], stride, |x, weight, bias| {
                    depthwise(x, weight, bias, stride)
                });
            }
        }
    }
}
