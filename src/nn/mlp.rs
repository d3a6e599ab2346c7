//! Multi-layer perceptron: SAM's `MLP` and `MLPBlock`.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::{Activation, linear};

/// Configuration of an [`Mlp`].
#[derive(Config, Debug)]
pub struct MlpConfig {
    /// Width of the input.
    pub input_dim: usize,
    /// Width of the hidden layers.
    pub hidden_dim: usize,
    /// Width of the output.
    pub output_dim: usize,
    /// Number of linear layers.
    pub num_layers: usize,
}

/// Linear layers with an activation between them, none after the last.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl MlpConfig {
    /// Makes the layers.
    pub fn init(&self, device: &Device) -> Mlp {
        let width = |i| match i {
            0 => self.input_dim,
            i if i == self.num_layers => self.output_dim,
            _ => self.hidden_dim,
        };
        Mlp { layers: (0..self.num_layers).map(|i| LinearConfig::new(width(i), width(i + 1)).init(device)).collect() }
    }
}

impl Mlp {
    /// `[..., input_dim]` -> `[..., output_dim]`.
    pub fn forward<const D: usize>(&self, mut x: Tensor<D>, activation: Activation) -> Tensor<D> {
        for (i, layer) in self.layers.iter().enumerate() {
            x = linear(layer, x);
            if i + 1 < self.layers.len() {
                x = activation.forward(x);
            }
        }
        x
    }
}
