//! Activation functions.

use burn::tensor::{Tensor, activation};

/// The activations of SAM's MLPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0): decoder and prompt predictor.
    Relu,
    /// The exact (erf) GELU: image encoders.
    Gelu,
}

impl Activation {
    /// Applies the function to each value; any shape.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::Gelu => gelu(x),
        }
    }
}

/// The exact GELU, `x Φ(x)`; any shape.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if let Some(y) = super::kernels::gelu(&x) {
        return y;
    }
    #[cfg(feature = "learn")]
    if let Some(y) = super::gradients::gelu(&x) {
        return y;
    }
    activation::gelu(x)
}
