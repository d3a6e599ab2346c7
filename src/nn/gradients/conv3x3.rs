//! The 3x3 convolution's derivative.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::super::kernels;
use super::{Derivative, plain, primitive, record_layer, recorded, recorded_if_any, take, values};

#[derive(Clone, Debug)]
struct Conv3x3 {
    /// `[batch, height, width, in]`.
    x: FlexTensor,
    /// `[out, in, 3, 3]`.
    weight: FlexTensor,
}

impl<const N: usize> Derivative<N> for Conv3x3 {
    fn backward(self, grad: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let (x, weight, grad) = (plain::<4>(self.x), plain::<4>(self.weight), plain::<4>(grad));
        // What a pixel gave to its neighbours comes back along the same taps, seen from the other side.
        let x_grad = wanted[0].then(|| {
            let turned = weight.flip([2, 3]).swap_dims(0, 1);
            primitive(kernels::conv3x3(&grad, &turned, None).expect("all on the CPU"))
        });
        let weight_grad = wanted[1].then(|| primitive(kernels::conv3x3_weight_gradient(&x, &grad)));
        let channels = grad.dims()[3];
        let bias_grad = wanted.get(2) == Some(&true);
        let bias_grad = bias_grad.then(|| primitive(grad.flatten::<2>(0, 2).sum_dim(0).reshape([channels])));
        take([x_grad, weight_grad, bias_grad])
    }
}

/// As [`kernels::conv3x3`].
pub fn conv3x3(x: &Tensor<4>, weight: &Tensor<4>, bias: Option<&Tensor<1>>) -> Option<Tensor<4>> {
    let [recorded_x, recorded_weight] = [recorded(x)?, recorded(weight)?];
    let recorded_bias = recorded_if_any(bias)?;
    let bias_values = recorded_bias.as_ref().map(values);
    let output = kernels::conv3x3(&values(&recorded_x), &values(&recorded_weight), bias_values.as_ref())?;
    let derivative = Conv3x3 { x: recorded_x.primitive().clone(), weight: recorded_weight.primitive().clone() };
    Some(record_layer([recorded_x, recorded_weight], recorded_bias, output, derivative))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_same, random};
    use burn::tensor::{module, ops::ConvOptions};

    #[test]
    fn its_gradients_are_burns() {
        let (x, weight, bias) = (random([2, 9, 7, 5]), random([4, 5, 3, 3]), random([4]));
        let found = super::conv3x3(&x, &weight, Some(&bias)).unwrap();
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let channels_first = x.clone().permute([0, 3, 1, 2]);
        let expected = module::conv2d(channels_first, weight.clone(), Some(bias.clone()), options);
        assert_same(
            found,
            expected.permute([0, 2, 3, 1]),
            &[
                &|grads| x.grad(grads).unwrap().into_data(),
                &|grads| weight.grad(grads).unwrap().into_data(),
                &|grads| bias.grad(grads).unwrap().into_data(),
            ],
        );
    }
}
