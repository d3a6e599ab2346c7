//! Max pooling.

use burn::tensor::Tensor;

use super::{for_each_chunk, forwards, into_tensor, larger, on_cpu};

/// `[batch, h, w, channels]`, of any strides -> the largest of each 2x2, `[batch, h / 2, w / 2, channels]`; `None` where `x` is
/// not on the CPU.
pub fn max_pool_2x2(x: &Tensor<4>) -> Option<Tensor<4>> {
    let input = forwards(on_cpu(x)?);
    let [batch, height, width, channels] = x.dims();
    let (h, w) = (height / 2, width / 2);
    let layout = input.layout();
    let strides: [usize; 4] = std::array::from_fn(|i| layout.strides()[i].unsigned_abs());
    let (values, first): (&[f32], usize) = (input.storage(), layout.start_offset());
    let mut output = vec![0f32; batch * h * w * channels];
    for_each_chunk(&mut output, (w * channels).max(1), |i, out| {
        let row = first + i / h * strides[0] + i % h * 2 * strides[1];
        for (column, out) in out.chunks_exact_mut(channels).enumerate() {
            let [left, right] = [2 * column, 2 * column + 1].map(|column| row + column * strides[2]);
            for (channel, out) in out.iter_mut().enumerate() {
                let column_max = |at: usize| {
                    let at = at + channel * strides[3];
                    larger(values[at], values[at + strides[1]])
                };
                *out = larger(column_max(left), column_max(right));
            }
        }
    });
    Some(into_tensor(output, [batch, h, w, channels]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, module, ops::MaxPoolOptions};

    #[test]
    fn it_is_burns_pooling_for_every_layout() {
        let x = Tensor::<4>::random([2, 9, 6, 14], Distribution::Default, &Device::flex());
        let flipped = x.clone().flip([1, 3]);
        for x in [x.clone(), x.clone().narrow(3, 5, 4), x.clone().narrow(1, 2, 5), x.permute([0, 2, 3, 1]), flipped] {
            let options = MaxPoolOptions {
                kernel_size: [2, 2],
                stride: [2, 2],
                padding: [(0, 0); 2],
                dilation: [1, 1],
                ceil_mode: false,
            };
            let pooled = module::max_pool2d(x.clone().permute([0, 3, 1, 2]), options);
            let expected = pooled.permute([0, 2, 3, 1]).into_data();
            max_pool_2x2(&x).unwrap().into_data().assert_eq(&expected, true);
        }
    }
}
