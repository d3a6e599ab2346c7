//! Layer norm over the channels, and its derivative.

#[cfg(feature = "learn")]
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

#[cfg(feature = "learn")]
use super::flex_tensor;
use super::{for_each_chunk, into_tensor, on_cpu, sum};

/// Values a thread works on at a time.
const CHUNK: usize = 1 << 14;

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` over the last dimension; `None` where a tensor is not on the CPU.
pub fn layer_norm<const D: usize>(
    x: &Tensor<D>,
    gamma: &Tensor<1>,
    beta: &Tensor<1>,
    epsilon: f64,
) -> Option<Tensor<D>> {
    let input = on_cpu(x)?.to_contiguous();
    let [gamma, beta] = [on_cpu(gamma)?.to_contiguous(), on_cpu(beta)?.to_contiguous()];
    let (gamma, beta): (&[f32], &[f32]) = (gamma.storage(), beta.storage());
    let channels = gamma.len();
    let input: &[f32] = &input.storage()[..x.shape().num_elements()];
    let mut output = vec![0f32; input.len()];
    let size = CHUNK.div_ceil(channels) * channels;
    for_each_chunk(&mut output, size, |i, chunk| {
        let rows = input[i * size..].chunks_exact(channels);
        for (out, row) in chunk.chunks_exact_mut(channels).zip(rows) {
            let (mean, factor) = statistics(row, epsilon);
            for (((out, x), gamma), beta) in out.iter_mut().zip(row).zip(gamma).zip(beta) {
                *out = (x - mean) * factor * gamma + beta;
            }
        }
    });
    Some(into_tensor(output, x.dims()))
}

/// The gradients of [`layer_norm`]'s input, `gamma` and `beta` from its output's.
#[cfg(feature = "learn")]
pub fn layer_norm_backward(x: FlexTensor, gamma: FlexTensor, epsilon: f64, grad: FlexTensor) -> [FlexTensor; 3] {
    let shape = x.layout().shape().to_vec();
    let [x, gamma, grad] = [x, gamma, grad].map(|tensor| tensor.to_contiguous());
    let gamma: &[f32] = gamma.storage();
    let channels = gamma.len();
    let mut x_grad = vec![0f32; shape.iter().product()];
    let (mut gamma_grad, mut beta_grad) = (vec![0f32; channels], vec![0f32; channels]);
    let (mut normed, mut scaled) = (vec![0f32; channels], vec![0f32; channels]);
    let rows = x.storage::<f32>().chunks_exact(channels).zip(grad.storage::<f32>().chunks_exact(channels));
    for ((row, grad), out) in rows.zip(x_grad.chunks_exact_mut(channels)) {
        let (mean, factor) = statistics(row, epsilon);
        for (normed, x) in normed.iter_mut().zip(row) {
            *normed = (x - mean) * factor;
        }
        for ((scaled, grad), gamma) in scaled.iter_mut().zip(grad).zip(gamma) {
            *scaled = grad * gamma;
        }
        for ((sum, grad), normed) in gamma_grad.iter_mut().zip(grad).zip(&normed) {
            *sum += grad * normed;
        }
        for (sum, grad) in beta_grad.iter_mut().zip(grad) {
            *sum += grad;
        }
        // What a shift and a stretch of the whole row would do is taken away again by the norm.
        let shift = sum(&scaled, |grad| grad) / channels as f32;
        for (out, (grad, normed)) in out.iter_mut().zip(scaled.iter().zip(&normed)) {
            *out = grad * normed;
        }
        let stretch = sum(out, |product| product) / channels as f32;
        for (out, (grad, normed)) in out.iter_mut().zip(scaled.iter().zip(&normed)) {
            *out = factor * (grad - shift - normed * stretch);
        }
    }
    [flex_tensor(x_grad, shape), flex_tensor(gamma_grad, vec![channels]), flex_tensor(beta_grad, vec![channels])]
}

/// The mean, and one over the standard deviation; summed in `f64`, since what is lost here is lost to the whole row.
fn statistics(row: &[f32], epsilon: f64) -> (f32, f32) {
    let channels = row.len() as f64;
    let mean = sum(row, f64::from) / channels;
    let variance = sum(row, |x| (f64::from(x) - mean).powi(2)) / channels;
    (mean as f32, (1.0 / (variance + epsilon).sqrt()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance, module};

    #[test]
    fn it_is_burns_layer_norm_on_any_layout() {
        let device = Device::flex();
        for channels in [1, 4, 16, 33, 256] {
            let random = |n| Tensor::<1>::random([n], Distribution::Default, &device);
            let (gamma, beta) = (random(channels), random(channels));
            let x = Tensor::<3>::random([3, channels, 700], Distribution::Normal(3.0, 2.0), &device).swap_dims(1, 2);
            let found = layer_norm(&x, &gamma, &beta, 1e-6).unwrap();
            let expected = module::layer_norm(x, gamma, Some(beta), 1e-6).into_data();
            found.into_data().assert_approx_eq::<f32>(&expected, Tolerance::rel_abs(1e-4, 1e-4));
        }
    }
}
