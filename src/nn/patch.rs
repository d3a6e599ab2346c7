//! Convolutions whose kernel is their stride, and the transposed ones: a matrix product and a rearrangement of pixels.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::torch_default;

/// Configuration of a [`PatchConv`].
#[derive(Config, Debug)]
pub struct PatchConvConfig {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Kernel side and stride, in pixels.
    pub size: usize,
}

/// A convolution over patches that do not overlap; its weight keeps the checkpoint's shape.
#[derive(Module, Debug)]
pub struct PatchConv {
    /// `[out_channels, in_channels, size, size]`.
    weight: Param<Tensor<4>>,
    /// `[out_channels]`.
    bias: Param<Tensor<1>>,
}

impl PatchConvConfig {
    /// Makes the layer.
    pub fn init(&self, device: &Device) -> PatchConv {
        let fan_in = Some(self.in_channels * self.size * self.size);
        let shape = [self.out_channels, self.in_channels, self.size, self.size];
        PatchConv {
            weight: torch_default().init_with(shape, fan_in, None, device),
            bias: torch_default().init_with([self.out_channels], fan_in, None, device),
        }
    }
}

impl PatchConv {
    /// `[batch, height, width, in_channels]` -> `[batch, height / size, width / size, out_channels]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let [out_channels, in_channels, size, _] = weight.dims();
        let weight = weight.permute([2, 3, 1, 0]).reshape([size * size * in_channels, out_channels]);
        super::affine(space_to_depth(x, size), weight, Some(self.bias.val()))
    }
}

/// Configuration of an [`UpscaleConv`].
#[derive(Config, Debug)]
pub struct UpscaleConvConfig {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
}

/// A transposed convolution with kernel 2 and stride 2: each pixel becomes 2x2.
#[derive(Module, Debug)]
pub struct UpscaleConv {
    /// `[in_channels, out_channels, 2, 2]`.
    weight: Param<Tensor<4>>,
    /// `[out_channels]`.
    bias: Param<Tensor<1>>,
}

impl UpscaleConvConfig {
    /// Makes the layer.
    pub fn init(&self, device: &Device) -> UpscaleConv {
        let fan_in = Some(self.out_channels * 4);
        UpscaleConv {
            weight: torch_default().init_with([self.in_channels, self.out_channels, 2, 2], fan_in, None, device),
            bias: torch_default().init_with([self.out_channels], fan_in, None, device),
        }
    }
}

impl UpscaleConv {
    /// `[batch, height, width, in_channels]` -> `[batch, 2 height, 2 width, out_channels]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let [in_channels, out_channels, _, _] = weight.dims();
        let weight = weight.permute([0, 2, 3, 1]).reshape([in_channels, 4 * out_channels]);
        let bias = self.bias.val().repeat(&[4]);
        depth_to_space(super::affine(x, weight, Some(bias)), 2)
    }
}

/// `[batch, size h, size w, channels]` -> `[batch, h, w, size size channels]`: row, then column in the patch, then channel.
fn space_to_depth(x: Tensor<4>, size: usize) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let (h, w) = (height / size, width / size);
    x.reshape([batch, h, size, w, size, channels]).permute([0, 1, 3, 2, 4, 5]).reshape([
        batch,
        h,
        w,
        size * size * channels,
    ])
}

/// The inverse of [`space_to_depth`].
fn depth_to_space(x: Tensor<4>, size: usize) -> Tensor<4> {
    let [batch, h, w, depth] = x.dims();
    let channels = depth / (size * size);
    x.reshape([batch, h, w, size, size, channels]).permute([0, 1, 3, 2, 4, 5]).reshape([
        batch,
        h * size,
        w * size,
        channels,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Distribution, Tolerance, module, ops::ConvOptions, ops::ConvTransposeOptions};

    fn device() -> Device {
        Device::flex()
    }

    #[test]
    fn depth_to_space_undoes_space_to_depth() {
        let x = Tensor::<4>::random([2, 6, 9, 5], Distribution::Default, &device());
        let back = depth_to_space(space_to_depth(x.clone(), 3), 3);
        back.into_data().assert_eq(&x.into_data(), true);
    }

    #[test]
    fn a_patch_conv_is_the_strided_convolution() {
        let conv = PatchConvConfig::new(3, 8, 4).init(&device());
        let x = Tensor::<4>::random([1, 8, 12, 3], Distribution::Default, &device());
        let options = ConvOptions::new([4, 4], [0, 0], [1, 1], 1);
        let expected =
            module::conv2d(x.clone().permute([0, 3, 1, 2]), conv.weight.val(), Some(conv.bias.val()), options);
        let found = conv.forward(x).permute([0, 3, 1, 2]);
        found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }

    #[test]
    fn an_upscale_conv_is_the_transposed_convolution() {
        let conv = UpscaleConvConfig::new(6, 4).init(&device());
        let x = Tensor::<4>::random([2, 3, 5, 6], Distribution::Default, &device());
        let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
        let expected = module::conv_transpose2d(
            x.clone().permute([0, 3, 1, 2]),
            conv.weight.val(),
            Some(conv.bias.val()),
            options,
        );
        let found = conv.forward(x).permute([0, 3, 1, 2]);
        found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }
}
