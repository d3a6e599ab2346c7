//! Multi-head attention: for each head and block of queries the scores, their softmax, and the mean of the values.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::exp::exp_f32;
use super::{LANES, Matrix, for_each_chunk, into_tensor, larger, multiply_add, on_cpu, sum, threads};

/// Queries a thread works on at a time.
const BLOCK: usize = 64;

/// A view `[batch, tokens, channels]` whose channels lie side by side.
struct Tokens {
    tensor: FlexTensor,
    batch_stride: usize,
    token_stride: usize,
}

impl Tokens {
    fn new(x: &Tensor<3>) -> Option<Self> {
        let mut tensor = on_cpu(x)?;
        if tensor.layout().strides()[2] != 1 || tensor.layout().strides().iter().any(|&stride| stride < 0) {
            tensor = tensor.to_contiguous();
        }
        let stride = |i: usize| tensor.layout().strides()[i] as usize;
        let (batch_stride, token_stride) = (stride(0), stride(1));
        Some(Self { tensor, batch_stride, token_stride })
    }

    /// Row `token` is the token's channels from `channel` on.
    fn matrix(&self, batch: usize, token: usize, channel: usize) -> Matrix<'_> {
        let start = self.tensor.layout().start_offset();
        Matrix {
            data: self.tensor.storage(),
            offset: start + batch * self.batch_stride + token * self.token_stride + channel,
            row_stride: self.token_stride,
            column_stride: 1,
        }
    }
}

/// `softmax(scale q k + bias) v` for heads side by side; shapes as in [`crate::nn::attention`]. `None` where a tensor is not
/// on the CPU.
pub fn attention(
    q: &Tensor<3>,
    k: &Tensor<3>,
    v: &Tensor<3>,
    heads: usize,
    scale: f64,
    bias: Option<&Tensor<3>>,
) -> Option<Tensor<3>> {
    let ([batch, n, q_dim], [_, m, v_dim]) = (q.dims(), v.dims());
    let (d, e) = (q_dim / heads, v_dim / heads);
    let (q, k, v) = (Tokens::new(q)?, Tokens::new(k)?, Tokens::new(v)?);
    let bias = match bias {
        Some(bias) => Some(on_cpu(bias)?.to_contiguous()),
        None => None,
    };
    let bias: Option<&[f32]> = bias.as_ref().map(|bias| bias.storage());

    // A chunk is a block of queries with all their heads, so that threads write to places of their own.
    let blocks = (2 * threads()).div_ceil(batch).max(n.div_ceil(BLOCK));
    let block = n.div_ceil(blocks);
    let mut output = vec![0f32; batch * n * v_dim];
    let work = |b: usize, first: usize, out: &mut [f32]| {
        let rows = out.len() / v_dim;
        let mut scores = vec![0f32; rows * m];
        for head in 0..heads {
            match bias {
                Some(bias) => scores.copy_from_slice(&bias[(head * n + first) * m..][..rows * m]),
                None => scores.fill(0.0),
            }
            let keys = k.matrix(b, 0, head * d).transposed();
            multiply_add([rows, m, d], q.matrix(b, first, head * d), keys, &mut scores, m, scale as f32);
            softmax(&mut scores, m);
            let weights = Matrix { data: &scores, offset: 0, row_stride: m, column_stride: 1 };
            multiply_add([rows, e, m], weights, v.matrix(b, 0, head * e), &mut out[head * e..], v_dim, 1.0);
        }
    };
    if n == block {
        for_each_chunk(&mut output, n * v_dim, |b, out| work(b, 0, out));
    } else {
        for (b, output) in output.chunks_exact_mut(n * v_dim).enumerate() {
            for_each_chunk(output, block * v_dim, |i, out| work(b, i * block, out));
        }
    }
    Some(into_tensor(output, [batch, n, v_dim]))
}

/// The gradients of q, k and v from that of [`attention`]'s output, without a bias.
#[cfg(feature = "learn")]
pub fn attention_backward(qkv: [&Tensor<3>; 3], grad: &Tensor<3>, heads: usize, scale: f64) -> [Tensor<3>; 3] {
    let shapes = qkv.map(|x| x.dims());
    let ([batch, n, q_dim], [_, m, v_dim]) = (shapes[0], shapes[2]);
    let (d, e) = (q_dim / heads, v_dim / heads);
    let [q, k, v] = qkv.map(|x| Tokens::new(x).expect("recorded on the CPU"));
    let grad = Tokens::new(grad).expect("recorded on the CPU");
    // A batch's three gradients lie one after the other, so that threads write to places of their own.
    let sizes = [n * q_dim, m * q_dim, m * v_dim];
    let mut output = vec![0f32; batch * sizes.iter().sum::<usize>()];
    for_each_chunk(&mut output, sizes.iter().sum(), |b, output| {
        let (q_grad, output) = output.split_at_mut(sizes[0]);
        let (k_grad, v_grad) = output.split_at_mut(sizes[1]);
        let (mut weights, mut scores_grad) = (vec![0f32; n * m], vec![0f32; n * m]);
        for head in 0..heads {
            let (q, k) = (q.matrix(b, 0, head * d), k.matrix(b, 0, head * d));
            let (v, grad) = (v.matrix(b, 0, head * e), grad.matrix(b, 0, head * e));
            weights.fill(0.0);
            multiply_add([n, m, d], q, k.transposed(), &mut weights, m, scale as f32);
            softmax(&mut weights, m);
            scores_grad.fill(0.0);
            multiply_add([n, m, e], grad, v.transposed(), &mut scores_grad, m, 1.0);
            for (weights, grad) in weights.chunks_exact(m).zip(scores_grad.chunks_exact_mut(m)) {
                grad.iter_mut().zip(weights).for_each(|(grad, weight)| *grad *= weight);
                let total = sum(grad, |value| value);
                grad.iter_mut().zip(weights).for_each(|(grad, weight)| *grad -= weight * total);
            }
            let weights = Matrix { data: &weights, offset: 0, row_stride: m, column_stride: 1 };
            let scores_grad = Matrix { data: &scores_grad, ..weights };
            multiply_add([m, e, n], weights.transposed(), grad, &mut v_grad[head * e..], v_dim, 1.0);
            multiply_add([n, d, m], scores_grad, k, &mut q_grad[head * d..], q_dim, scale as f32);
            multiply_add([m, d, n], scores_grad.transposed(), q, &mut k_grad[head * d..], q_dim, scale as f32);
        }
    });
    let part = |i: usize, shape: [usize; 3]| {
        let first = sizes[..i].iter().sum::<usize>();
        let batches = output.chunks_exact(sizes.iter().sum()).map(|batch| &batch[first..][..sizes[i]]);
        into_tensor(batches.collect::<Vec<_>>().concat(), shape)
    };
    [part(0, shapes[0]), part(1, shapes[1]), part(2, shapes[2])]
}

/// The softmax of each row of `m` scores, in place.
fn softmax(scores: &mut [f32], m: usize) {
    for row in scores.chunks_exact_mut(m) {
        let (whole, rest) = row.as_chunks::<LANES>();
        let mut largest = [f32::NEG_INFINITY; LANES];
        for values in whole {
            largest.iter_mut().zip(values).for_each(|(largest, value)| *largest = larger(*largest, *value));
        }
        let largest = largest.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, larger);
        row.iter_mut().for_each(|value| *value -= largest);
    }
    // All rows in one go, for they may be shorter than a register.
    scores.iter_mut().for_each(|value| *value = exp_f32(*value));
    for row in scores.chunks_exact_mut(m) {
        let factor = 1.0 / sum(row, |value| value);
        row.iter_mut().for_each(|value| *value *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_huge_scores_is_finite_and_sums_to_one() {
        let mut rows: Vec<f32> = (0..74).map(|i| -1e30 * (i % 37) as f32).collect();
        softmax(&mut rows, 37);
        for row in rows.chunks_exact(37) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row[0] > 0.999);
        }
    }
}
