//! A linear layer, with the CPU's own kernel where there is one.

use burn::nn::Linear;
use burn::tensor::{Tensor, module};

/// Applies burn's layer: `[..., d_in]` -> `[..., d_out]`.
pub fn linear<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    affine(x, layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()))
}

/// `x weight + bias`: `[..., d_in]`, `[d_in, d_out]` -> `[..., d_out]`.
pub fn affine<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if let Some(y) = super::kernels::linear(&x, &weight, bias.as_ref()) {
        return y;
    }
    #[cfg(feature = "learn")]
    if let Some(y) = super::gradients::linear(&x, &weight, bias.as_ref()) {
        return y;
    }
    module::linear(x, weight, bias)
}
