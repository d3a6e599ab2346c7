//! Layer norm over the channels.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, module};

/// Configuration of a [`LayerNorm`].
#[derive(Config, Debug)]
pub struct LayerNormConfig {
    /// Channels.
    pub channels: usize,
    /// Added to the variance.
    #[config(default = 1e-5)]
    pub epsilon: f64,
}

/// Each position's channels with mean 0 and variance 1, then stretched and shifted (arXiv 1607.06450).
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[channels]`.
    pub(crate) weight: Param<Tensor<1>>,
    /// `[channels]`.
    bias: Param<Tensor<1>>,
    epsilon: f64,
}

impl LayerNormConfig {
    /// Makes the layer.
    pub fn init(&self, device: &Device) -> LayerNorm {
        LayerNorm {
            weight: Initializer::Ones.init([self.channels], device),
            bias: Initializer::Zeros.init([self.channels], device),
            epsilon: self.epsilon,
        }
    }
}

impl LayerNorm {
    /// `[..., channels]` -> the same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        #[cfg(feature = "cpu")]
        if let Some(y) = super::kernels::layer_norm(&x, &weight, &bias, self.epsilon) {
            return y;
        }
        #[cfg(feature = "learn")]
        if let Some(y) = super::gradients::layer_norm(&x, &weight, &bias, self.epsilon) {
            return y;
        }
        module::layer_norm(x, weight, Some(bias), self.epsilon)
    }
}
