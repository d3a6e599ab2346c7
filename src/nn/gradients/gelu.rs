//! The exact GELU's derivative.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::super::kernels;
use super::{Derivative, record, recorded, values};

#[derive(Clone, Debug)]
struct Gelu {
    x: FlexTensor,
}

impl Derivative<1> for Gelu {
    fn backward(self, grad: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(kernels::gelu_backward(self.x, grad))]
    }
}

/// As [`kernels::gelu`].
pub fn gelu<const D: usize>(x: &Tensor<D>) -> Option<Tensor<D>> {
    let recorded_x = recorded(x)?;
    let output = kernels::gelu(&values::<D>(&recorded_x))?;
    let derivative = Gelu { x: recorded_x.primitive().clone() };
    Some(record([recorded_x], output, derivative))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_same, random};
    use burn::tensor::activation;

    #[test]
    fn its_gradient_is_burns_on_any_layout() {
        let x = random([70, 99]) * 3.0;
        for x in [x.clone().detach().require_grad(), x.transpose().detach().require_grad()] {
            let (found, expected) = (super::gelu(&x).unwrap(), activation::gelu(x.clone()));
            assert_same(found, expected, &[&|grads| x.grad(grads).unwrap().into_data()]);
        }
    }
}
