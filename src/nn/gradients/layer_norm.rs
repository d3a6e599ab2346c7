//! A layer norm's derivative.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::super::kernels;
use super::{Derivative, record, recorded, values};

#[derive(Clone, Debug)]
struct LayerNorm {
    x: FlexTensor,
    gamma: FlexTensor,
    epsilon: f64,
}

impl Derivative<3> for LayerNorm {
    fn backward(self, grad: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        kernels::layer_norm_backward(self.x, self.gamma, self.epsilon, grad).map(Some)
    }
}

/// As [`kernels::layer_norm`].
pub fn layer_norm<const D: usize>(
    x: &Tensor<D>,
    gamma: &Tensor<1>,
    beta: &Tensor<1>,
    epsilon: f64,
) -> Option<Tensor<D>> {
    let inputs = [recorded(x)?, recorded(gamma)?, recorded(beta)?];
    let output = kernels::layer_norm(&values::<D>(&inputs[0]), &values(&inputs[1]), &values(&inputs[2]), epsilon)?;
    let derivative = LayerNorm { x: inputs[0].primitive().clone(), gamma: inputs[1].primitive().clone(), epsilon };
    Some(record(inputs, output, derivative))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_same, random};
    use burn::tensor::module;

    #[test]
    fn its_gradients_are_burns() {
        let (x, gamma, beta) = (random([6, 50, 20]), random([20]), random([20]));
        let found = super::layer_norm(&x, &gamma, &beta, 1e-5).unwrap();
        let expected = module::layer_norm(x.clone(), gamma.clone(), Some(beta.clone()), 1e-5);
        assert_same(
            found,
            expected,
            &[&|grads| x.grad(grads).unwrap().into_data(), &|grads| gamma.grad(grads).unwrap().into_data(), &|grads| {
                beta.grad(grads).unwrap().into_data()
            }],
        );
    }
}
