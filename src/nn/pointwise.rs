//! 1x1 convolution on channels-last maps: one matrix product.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::torch_default;

/// Configuration of a [`PointwiseConv`].
#[derive(Config, Debug)]
pub struct PointwiseConvConfig {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Adds a bias.
    #[config(default = true)]
    pub bias: bool,
}

/// A convolution with a 1x1 kernel; its weight keeps the checkpoint's shape.
#[derive(Module, Debug)]
pub struct PointwiseConv {
    /// `[out_channels, in_channels, 1, 1]`.
    weight: Param<Tensor<4>>,
    /// `[out_channels]`.
    bias: Option<Param<Tensor<1>>>,
}

impl PointwiseConvConfig {
    /// Makes the layer.
    pub fn init(&self, device: &Device) -> PointwiseConv {
        let fan_in = Some(self.in_channels);
        PointwiseConv {
            weight: torch_default().init_with([self.out_channels, self.in_channels, 1, 1], fan_in, None, device),
            bias: self.bias.then(|| torch_default().init_with([self.out_channels], fan_in, None, device)),
        }
    }
}

impl PointwiseConv {
    /// `[..., in_channels]` -> `[..., out_channels]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let weight = self.weight.val();
        let [out_channels, in_channels, _, _] = weight.dims();
        let weight = weight.reshape([out_channels, in_channels]).transpose();
        super::affine(x, weight, self.bias.as_ref().map(Param::val))
    }
}
