//! A 3x3 convolution that keeps the map's size, on channels-last maps.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, module::conv2d, ops::ConvOptions};

use super::torch_default;

/// Configuration of a [`Conv3x3`].
#[derive(Config, Debug)]
pub struct Conv3x3Config {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Adds a bias.
    #[config(default = true)]
    pub bias: bool,
}

/// A convolution with a 3x3 kernel, stride 1 and zero padding 1.
#[derive(Module, Debug)]
pub struct Conv3x3 {
    /// `[out_channels, in_channels, 3, 3]`.
    weight: Param<Tensor<4>>,
    /// `[out_channels]`.
    bias: Option<Param<Tensor<1>>>,
}

impl Conv3x3Config {
    /// Makes the layer.
    pub fn init(&self, device: &Device) -> Conv3x3 {
        let fan_in = Some(9 * self.in_channels);
        Conv3x3 {
            weight: torch_default().init_with([self.out_channels, self.in_channels, 3, 3], fan_in, None, device),
            bias: self.bias.then(|| torch_default().init_with([self.out_channels], fan_in, None, device)),
        }
    }
}

impl Conv3x3 {
    /// `[batch, height, width, in_channels]` -> `[batch, height, width, out_channels]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.as_ref().map(Param::val));
        #[cfg(feature = "cpu")]
        if let Some(y) = super::kernels::conv3x3(&x, &weight, bias.as_ref()) {
            return y;
        }
        #[cfg(feature = "learn")]
        if let Some(y) = super::gradients::conv3x3(&x, &weight, bias.as_ref()) {
            return y;
        }
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        conv2d(x.permute([0, 3, 1, 2]), weight, bias, options).permute([0, 2, 3, 1])
    }
}
