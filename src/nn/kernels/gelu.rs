//! The exact GELU.

#[cfg(feature = "learn")]
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

#[cfg(feature = "learn")]
use super::{exp::exp_f32, flex_tensor};
use super::{for_each_chunk, into_tensor, on_cpu};

/// Values a thread works on at a time.
const CHUNK: usize = 1 << 15;

/// `x Φ(x)`; `None` where `x` is not on the CPU.
pub fn gelu<const D: usize>(x: &Tensor<D>) -> Option<Tensor<D>> {
    let input = on_cpu(x)?.to_contiguous();
    let input: &[f32] = &input.storage()[..x.shape().num_elements()];
    let mut output = vec![0f32; input.len()];
    for_each_chunk(&mut output, CHUNK, |i, chunk| {
        let input = &input[i * CHUNK..];
        chunk.iter_mut().zip(input).for_each(|(y, x)| *y = gelu_f32(*x));
    });
    Some(into_tensor(output, x.dims()))
}

/// The gradient of [`gelu`]'s input from its output's: `Φ(x) + x φ(x)`.
#[cfg(feature = "learn")]
pub fn gelu_backward(x: FlexTensor, grad: FlexTensor) -> FlexTensor {
    const FRAC_1_SQRT_TAU: f32 = 0.398_942_3;
    let shape = x.layout().shape().to_vec();
    let [x, grad] = [x, grad].map(|tensor| tensor.to_contiguous());
    let mut output = vec![0f32; shape.iter().product()];
    let (x, grad): (&[f32], &[f32]) = (x.storage(), grad.storage());
    for_each_chunk(&mut output, CHUNK, |i, chunk| {
        let inputs = x[i * CHUNK..].iter().zip(&grad[i * CHUNK..]);
        for (out, (x, grad)) in chunk.iter_mut().zip(inputs) {
            *out = grad * (normal_cdf(*x) + x * FRAC_1_SQRT_TAU * exp_f32(-0.5 * x * x));
        }
    });
    flex_tensor(output, shape)
}

#[inline(always)]
fn gelu_f32(x: f32) -> f32 {
    x * normal_cdf(x)
}

/// Without branches, so that the compiler vectorises it: Φ(x) = (1 + erf(x / √2)) / 2 with a rational approximation of erf
/// on [-4, 4], beyond which it is ±1 in `f32` (a minimax fit, odd degree 13 over even degree 8).
#[inline(always)]
fn normal_cdf(x: f32) -> f32 {
    const NUMERATOR: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const DENOMINATOR: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2];
    let t = (x * std::f32::consts::FRAC_1_SQRT_2).clamp(-4.0, 4.0);
    let t2 = t * t;
    let numerator = NUMERATOR.iter().fold(0.0, |sum, c| sum * t2 + c);
    let denominator = DENOMINATOR.iter().fold(0.0, |sum, c| sum * t2 + c);
    0.5 * (1.0 + t * numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData, Tolerance, activation};

    #[test]
    fn gelu_agrees_with_burns_on_any_layout() {
        // -10.5..10.5; the approximation of erf is good to 4 units in the last place, times x / 2.
        let values: Vec<f32> = (0..70 * 999).map(|i| i as f32 * 3e-4 - 10.5).collect();
        let x = Tensor::<2>::from_data(TensorData::new(values, [70, 999]), &Device::flex());
        for x in [x.clone(), x.clone().transpose(), x.narrow(0, 3, 60)] {
            let expected = activation::gelu(x.clone()).into_data();
            gelu(&x).unwrap().into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(2.5e-6));
        }
    }

    #[test]
    fn far_from_zero_it_is_the_input_or_nothing() {
        assert!((gelu_f32(50.0) - 50.0).abs() < 1e-5);
        assert!(gelu_f32(-50.0).abs() < 1e-5);
    }
}
