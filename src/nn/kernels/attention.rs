//! Multi-head attention: for each head and block of queries the scores, their softmax, and the mean of the values.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::{Matrix, for_each_chunk, into_tensor, multiply_add, on_cpu, threads};

/// Queries a thread works on at a time.
const BLOCK: usize = 64;
/// Running sums of a softmax: as many as the widest registers hold, so that the compiler vectorises them.
const LANES: usize = 16;

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
            let keys = k.matrix(b, 0, head * d);
            let keys = Matrix { row_stride: keys.column_stride, column_stride: keys.row_stride, ..keys };
            multiply_add([rows, m, d], q.matrix(b, first, head * d), keys, &mut scores, m, scale as f32);
            scores.chunks_exact_mut(m).for_each(softmax);
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

/// The softmax of a row, in place.
fn softmax(row: &mut [f32]) {
    let mut largest = [f32::NEG_INFINITY; LANES];
    for values in row.chunks(LANES) {
        largest.iter_mut().zip(values).for_each(|(largest, value)| *largest = largest.max(*value));
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0f32; LANES];
    for values in row.chunks_mut(LANES) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *value = exp_f32(*value - largest);
            *sum += *value;
        }
    }
    let factor = 1.0 / sums.into_iter().sum::<f32>();
    row.iter_mut().for_each(|value| *value *= factor);
}

/// exp of a number that is not positive, without branches, so that the compiler vectorises it: `2^n exp(r)` with
/// `|r| <= ln 2 / 2` and a polynomial of degree 6 for `exp(r)` (error below one unit in the last place). Below -87, where
/// the result would be subnormal, it is about 1e-38.
#[inline(always)]
fn exp_f32(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and taking away 1.5 * 2^23 rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    const TERMS: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let tail = TERMS.iter().fold(0.0, |sum, term| sum * r + term);
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
    (tail * r * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for i in 0..870_000 {
            let x = -(i as f32) * 1e-4;
            let (found, expected) = (exp_f32(x), f64::from(x).exp());
            assert!((f64::from(found) / expected - 1.0).abs() < 2.4e-7, "{x}: {found} {expected}");
        }
    }

    #[test]
    fn softmax_of_huge_scores_is_finite_and_sums_to_one() {
        let mut row: Vec<f32> = (0..37).map(|i| -1e30 * i as f32).collect();
        softmax(&mut row);
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row[0] > 0.999);
    }
}
