//! Multi-head attention's derivative.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::super::kernels;
use super::{Derivative, plain, primitive, record, recorded, values};

#[derive(Clone, Debug)]
struct Attention {
    q: FlexTensor,
    k: FlexTensor,
    v: FlexTensor,
    heads: usize,
    scale: f64,
}

impl Derivative<3> for Attention {
    fn backward(self, grad: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let [q, k, v, grad] = [self.q, self.k, self.v, grad].map(plain::<3>);
        kernels::attention_backward([&q, &k, &v], &grad, self.heads, self.scale).map(|grad| Some(primitive(grad)))
    }
}

/// As [`kernels::attention`], without a bias.
pub fn attention(q: &Tensor<3>, k: &Tensor<3>, v: &Tensor<3>, heads: usize, scale: f64) -> Option<Tensor<3>> {
    let inputs = [recorded(q)?, recorded(k)?, recorded(v)?];
    let [q, k, v] = inputs.each_ref().map(values::<3>);
    let output = kernels::attention(&q, &k, &v, heads, scale, None)?;
    let [q, k, v] = [q, k, v].map(primitive);
    Some(record(inputs, output, Attention { q, k, v, heads, scale }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_same, random};
    use burn::tensor::{Tensor, activation};

    #[test]
    fn its_gradients_are_those_of_its_definition() {
        let heads = 3;
        for (batch, n, m, d) in [(1, 1, 1, 1), (2, 10, 130, 16), (3, 70, 9, 8)] {
            let (q, k, v) =
                (random([batch, n, heads * d]), random([batch, m, heads * d]), random([batch, m, heads * d]));
            let found = super::attention(&q, &k, &v, heads, 0.3).unwrap();
            let separate = |x: &Tensor<3>| {
                let [batch, tokens, dim] = x.dims();
                x.clone().reshape([batch, tokens, heads, dim / heads]).swap_dims(1, 2)
            };
            let scores = separate(&q).matmul(separate(&k).swap_dims(2, 3)) * 0.3;
            let expected = activation::softmax(scores, 3).matmul(separate(&v)).swap_dims(1, 2);
            assert_same(
                found,
                expected.reshape([batch, n, heads * d]),
                &[&|grads| q.grad(grads).unwrap().into_data(), &|grads| k.grad(grads).unwrap().into_data(), &|grads| {
                    v.grad(grads).unwrap().into_data()
                }],
            );
        }
    }
}
