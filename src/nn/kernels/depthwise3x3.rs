//! A depthwise 3x3 convolution with zero padding 1.

use burn::tensor::Tensor;

use super::{for_each_chunk, into_tensor, on_cpu};

/// `x` `[batch, height, width, channels]`, `weight` `[channels, 1, 3, 3]`, `bias` `[channels]` -> `[batch, height / stride,
/// width / stride, channels]`, both rounded up; `None` where a tensor is not on the CPU.
pub fn depthwise3x3(x: &Tensor<4>, weight: &Tensor<4>, bias: &Tensor<1>, stride: usize) -> Option<Tensor<4>> {
    let input = on_cpu(x)?.to_contiguous();
    // Tap by tap, as a pixel's channels lie side by side.
    let [weight, bias] =
        [on_cpu(&weight.clone().permute([2, 3, 1, 0]))?.to_contiguous(), on_cpu(bias)?.to_contiguous()];
    let (input, weight, bias): (&[f32], &[f32], &[f32]) = (input.storage(), weight.storage(), bias.storage());
    let [batch, height, width, channels] = x.dims();
    let (h, w) = (height.div_ceil(stride), width.div_ceil(stride));
    let mut output = vec![0f32; batch * h * w * channels];
    for_each_chunk(&mut output, (w * channels).max(1), |i, row| {
        let (first, y) = (i / h * height * width, i % h * stride);
        for (x, out) in row.chunks_exact_mut(channels).enumerate() {
            out.copy_from_slice(bias);
            for (tap, weight) in weight.chunks_exact(channels).enumerate() {
                // One less than this; the zeros around the picture add nothing.
                let (y, x) = (y + tap / 3, x * stride + tap % 3);
                if y == 0 || y > height || x == 0 || x > width {
                    continue;
                }
                let pixel = &input[(first + (y - 1) * width + x - 1) * channels..][..channels];
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
            for stride in [1, 2] {
                assert_is_burns_convolution(picture, [picture[3], 1, 3, 3], stride, |x, weight, bias| {
                    depthwise3x3(x, weight, bias, stride)
                });
            }
        }
    }
}
