//! Convolutions of channels-last maps with strides or in groups.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, module, ops::ConvOptions};

use super::torch_default;

/// Configuration of a [`Conv2d`].
#[derive(Config, Debug)]
pub struct Conv2dConfig {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Side of the kernel, odd.
    pub kernel: usize,
    /// Step from one output pixel's place to the next one's, in input pixels.
    #[config(default = 1)]
    pub stride: usize,
    /// 1, or as many as channels (depthwise).
    #[config(default = 1)]
    pub groups: usize,
}

/// A convolution with a bias and zero padding of half the kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out_channels, in_channels / groups, kernel, kernel]`.
    weight: Param<Tensor<4>>,
    /// `[out_channels]`.
    bias: Param<Tensor<1>>,
    stride: usize,
    groups: usize,
}

impl Conv2dConfig {
    /// Makes the layer.
    pub fn init(&self, device: &Device) -> Conv2d {
        let in_channels = self.in_channels / self.groups;
        let fan_in = Some(in_channels * self.kernel * self.kernel);
        let shape = [self.out_channels, in_channels, self.kernel, self.kernel];
        Conv2d {
            weight: torch_default().init_with(shape, fan_in, None, device),
            bias: torch_default().init_with([self.out_channels], fan_in, None, device),
            stride: self.stride,
            groups: self.groups,
        }
    }
}

impl Conv2d {
    /// `[batch, height, width, in_channels]` -> `[batch, height / stride, width / stride, out_channels]`, rounded up.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv2d(x, self.weight.val(), self.bias.val(), self.stride, self.groups)
    }
}

/// `x` `[batch, height, width, in]`, `weight` `[out, in / groups, kernel, kernel]` with zero padding of half the kernel, `bias`
/// `[out]` -> `[batch, height / stride, width / stride, out]`, both rounded up. `groups` is 1, or `in` and `out` alike
/// (depthwise).
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, stride: usize, groups: usize) -> Tensor<4> {
    #[cfg(feature = "cpu")]
    if let Some(y) = match groups {
        1 => super::kernels::conv2d(&x, &weight, &bias, stride),
        _ => super::kernels::depthwise(&x, &weight, &bias, stride),
    } {
        return y;
    }
    let padding = weight.dims()[2] / 2;
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], groups);
    module::conv2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options).permute([0, 2, 3, 1])
}
