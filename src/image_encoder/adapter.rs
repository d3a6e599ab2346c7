//! The adapter of the reference (`adapters.py`): in front of a block, `x + GELU(up(GELU(down(x))))`.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::nn::{gelu, linear};

/// Width of the bottleneck.
const HIDDEN_DIM: usize = 64;

/// A trained bottleneck on the residual path of a frozen encoder.
#[derive(Module, Debug)]
pub struct Adapter {
    down: Linear,
    up: Linear,
}

impl Adapter {
    /// Makes the adapter of a block that takes `dim` channels.
    pub fn init(dim: usize, device: &Device) -> Self {
        Self {
            down: LinearConfig::new(dim, HIDDEN_DIM).init(device),
            up: LinearConfig::new(HIDDEN_DIM, dim).init(device),
        }
    }

    /// `[..., dim]` -> `[..., dim]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x.clone() + gelu(linear(&self.up, gelu(linear(&self.down, x))))
    }
}
