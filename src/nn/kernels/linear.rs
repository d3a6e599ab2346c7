//! A linear layer.

use burn::tensor::Tensor;

use super::{Matrix, for_each_chunk, forwards, into_tensor, multiply_add, on_cpu, threads};

/// Multiplications below which a second thread does not pay.
const PARALLEL_THRESHOLD: usize = 1 << 20;

/// `x weight + bias` with `x` `[..., d_in]`, `weight` `[d_in, d_out]` of any strides; `None` where `x` is not on the CPU.
pub fn linear<const D: usize>(x: &Tensor<D>, weight: &Tensor<2>, bias: Option<&Tensor<1>>) -> Option<Tensor<D>> {
    let input = on_cpu(x)?.to_contiguous();
    let weight_view = forwards(on_cpu(weight)?);
    let bias = match bias {
        Some(bias) => Some(on_cpu(bias)?.to_contiguous()),
        None => None,
    };
    let bias: Option<&[f32]> = bias.as_ref().map(|bias| bias.storage());
    let [d_in, d_out] = weight.dims();
    let mut shape = x.dims();
    let rows = shape[..D - 1].iter().product::<usize>();
    shape[D - 1] = d_out;

    let layout = weight_view.layout();
    let [row_stride, column_stride] = [layout.strides()[0], layout.strides()[1]].map(|stride| stride.unsigned_abs());
    let right = Matrix { data: weight_view.storage(), offset: layout.start_offset(), row_stride, column_stride };
    let left = Matrix { data: input.storage(), offset: 0, row_stride: d_in, column_stride: 1 };

    let tasks = if rows * d_in * d_out < PARALLEL_THRESHOLD { 1 } else { 2 * threads() };
    let rows_each = rows.div_ceil(tasks).max(1);
    let mut output = vec![0f32; rows * d_out];
    for_each_chunk(&mut output, rows_each * d_out, |i, chunk| {
        if let Some(bias) = bias {
            chunk.chunks_exact_mut(d_out).for_each(|row| row.copy_from_slice(bias));
        }
        let left = Matrix { offset: i * rows_each * d_in, ..left };
        multiply_add([chunk.len() / d_out, d_out, d_in], left, right, chunk, d_out, 1.0);
    });
    Some(into_tensor(output, shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance, module};

    #[test]
    fn linear_agrees_with_burns_for_every_layout_of_the_weight() {
        let device = Device::flex();
        for (d_in, d_out) in [(1, 1), (7, 5), (130, 64), (300, 33), (1000, 8)] {
            let x = Tensor::<3>::random([2, 700, d_in], Distribution::Default, &device);
            let weight = Tensor::<2>::random([d_out, d_in + 1], Distribution::Default, &device);
            let weight = weight.narrow(1, 1, d_in).transpose();
            let bias = Tensor::<1>::random([d_out], Distribution::Default, &device);
            let weights = [weight.clone(), weight.clone().flip([0]), weight.flip([1])];
            for (weight, bias) in
                weights.into_iter().flat_map(|weight| [(weight.clone(), Some(bias.clone())), (weight, None)])
            {
                let found = linear(&x, &weight, bias.as_ref()).unwrap();
                let expected = module::linear(x.clone(), weight.clone(), bias);
                found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-5, 1e-5));
            }
        }
    }
}
