//! A linear layer's derivative.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::super::kernels;
use super::{Derivative, plain, primitive, record_layer, recorded, recorded_if_any, take, values};

#[derive(Clone, Debug)]
struct Linear {
    /// `[rows, d_in]`.
    x: FlexTensor,
    /// `[d_in, d_out]`.
    weight: FlexTensor,
    /// The input's own shape.
    shape: Vec<usize>,
}

impl<const N: usize> Derivative<N> for Linear {
    fn backward(self, grad: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let (x, weight) = (plain::<2>(self.x), plain::<2>(self.weight));
        let [rows, _] = x.dims();
        let grad = plain::<2>(grad.reshape(vec![rows, weight.dims()[1]].into()));
        let x_grad = wanted[0].then(|| {
            let grad = kernels::linear(&grad, &weight.transpose(), None).expect("all on the CPU");
            primitive(grad).reshape(self.shape.into())
        });
        let weight_grad = wanted[1].then(|| primitive(x.transpose().matmul(grad.clone())));
        let bias_grad = wanted.get(2) == Some(&true);
        let bias_grad = bias_grad.then(|| primitive(grad.sum_dim(0).squeeze_dim::<1>(0)));
        take([x_grad, weight_grad, bias_grad])
    }
}

/// As [`kernels::linear`].
pub fn linear<const D: usize>(x: &Tensor<D>, weight: &Tensor<2>, bias: Option<&Tensor<1>>) -> Option<Tensor<D>> {
    let [recorded_x, recorded_weight] = [recorded(x)?, recorded(weight)?];
    let recorded_bias = recorded_if_any(bias)?;
    let (x, weight) = (values::<D>(&recorded_x), values::<2>(&recorded_weight));
    let output = kernels::linear(&x, &weight, recorded_bias.as_ref().map(values).as_ref())?;
    let shape = x.dims();
    let rows = shape[..D - 1].iter().product::<usize>();
    let x = primitive(x).reshape(vec![rows, shape[D - 1]].into());
    let derivative = Linear { x, weight: primitive(weight), shape: shape.to_vec() };
    Some(record_layer([recorded_x, recorded_weight], recorded_bias, output, derivative))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_same, random};
    use burn::tensor::module;

    #[test]
    fn its_gradients_are_burns_with_and_without_a_bias() {
        let (x, weight, bias) = (random([3, 50, 20]), random([20, 7]), random([7]));
        for bias in [Some(bias), None] {
            let found = super::linear(&x, &weight, bias.as_ref()).unwrap();
            let expected = module::linear(x.clone(), weight.clone(), bias.clone());
            assert_same(
                found,
                expected,
                &[
                    &|grads| x.grad(grads).unwrap().into_data(),
                    &|grads| weight.grad(grads).unwrap().into_data(),
                    &|grads| {
                        bias.as_ref().unwrap_or(&random([7])).grad(grads).map_or([0f32; 7].into(), |g| g.into_data())
                    },
                ],
            );
        }
    }
}
