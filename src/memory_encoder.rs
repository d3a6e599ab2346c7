//! SAM 2's memory encoder (`sam2/modeling/memory_encoder.py`): a frame's image embedding and the mask found on it become a memory.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::config::{MemoryConfig, PATCH_SIZE, Sam2RadConfig};
use crate::nn::{
    Conv2d, Conv2dConfig, ENCODER_NORM_EPSILON, LayerNorm, LayerNormConfig, PointwiseConv, PointwiseConvConfig, gelu,
    linear,
};

/// Side of the mask downsampling's kernels, and how much each shrinks the mask.
const MASK_KERNEL: usize = 3;
const MASK_STRIDE: usize = 2;
/// Side of the fuser's depthwise kernels.
const FUSER_KERNEL: usize = 7;
const FUSER_LAYERS: usize = 2;
const FUSER_EXPANSION: usize = 4;
/// What a fuser's block adds at first.
const LAYER_SCALE: f64 = 1e-6;

/// A mask at the image's size down to the embedding's: each step halves its sides and gives it four times the channels.
#[derive(Module, Debug)]
pub struct MaskDownSampler {
    convs: Vec<Conv2d>,
    norms: Vec<LayerNorm>,
    out: PointwiseConv,
}

impl MaskDownSampler {
    fn init(embed_dim: usize, device: &Device) -> Self {
        let steps = PATCH_SIZE.ilog(MASK_STRIDE);
        let channels = |step: u32| (MASK_STRIDE * MASK_STRIDE).pow(step);
        let conv = |step| {
            Conv2dConfig::new(channels(step), channels(step + 1), MASK_KERNEL).with_stride(MASK_STRIDE).init(device)
        };
        let norm = |step| LayerNormConfig::new(channels(step + 1)).with_epsilon(ENCODER_NORM_EPSILON).init(device);
        Self {
            convs: (0..steps).map(conv).collect(),
            norms: (0..steps).map(norm).collect(),
            out: PointwiseConvConfig::new(channels(steps), embed_dim).init(device),
        }
    }

    /// `[1, image_size, image_size, 1]` -> `[1, h, w, embed_dim]`.
    fn forward(&self, mask: Tensor<4>) -> Tensor<4> {
        let steps = self.convs.iter().zip(&self.norms);
        self.out.forward(steps.fold(mask, |x, (conv, norm)| gelu(norm.forward(conv.forward(x)))))
    }
}

/// A ConvNeXt block.
#[derive(Module, Debug)]
pub struct CxBlock {
    dwconv: Conv2d,
    norm: LayerNorm,
    pwconv1: Linear,
    pwconv2: Linear,
    /// `[dim]`.
    gamma: Param<Tensor<1>>,
}

impl CxBlock {
    fn init(dim: usize, device: &Device) -> Self {
        Self {
            dwconv: Conv2dConfig::new(dim, dim, FUSER_KERNEL).with_groups(dim).init(device),
            norm: LayerNormConfig::new(dim).with_epsilon(ENCODER_NORM_EPSILON).init(device),
            pwconv1: LinearConfig::new(dim, FUSER_EXPANSION * dim).init(device),
            pwconv2: LinearConfig::new(FUSER_EXPANSION * dim, dim).init(device),
            gamma: Initializer::Constant { value: LAYER_SCALE }.init([dim], device),
        }
    }

    /// `[1, h, w, dim]` -> the same shape.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.norm.forward(self.dwconv.forward(x.clone()));
        let y = linear(&self.pwconv2, gelu(linear(&self.pwconv1, y)));
        x + y * self.gamma.val().unsqueeze()
    }
}

/// The blocks that mix embedding and mask.
#[derive(Module, Debug)]
pub struct Fuser {
    layers: Vec<CxBlock>,
}

/// The memory encoder.
#[derive(Module, Debug)]
pub struct MemoryEncoder {
    mask_downsampler: MaskDownSampler,
    pix_feat_proj: PointwiseConv,
    fuser: Fuser,
    out_proj: PointwiseConv,
}

impl MemoryEncoder {
    /// Makes the encoder that `memory` has in the network of `config`.
    pub fn init(config: &Sam2RadConfig, memory: &MemoryConfig, device: &Device) -> Self {
        let dim = config.image_encoder.prompt_embed_dim;
        Self {
            mask_downsampler: MaskDownSampler::init(dim, device),
            pix_feat_proj: PointwiseConvConfig::new(dim, dim).init(device),
            fuser: Fuser { layers: (0..FUSER_LAYERS).map(|_| CxBlock::init(dim, device)).collect() },
            out_proj: PointwiseConvConfig::new(dim, memory.mem_dim).init(device),
        }
    }

    /// An image embedding `[1, h, w, dim]`, as the image encoder gives it, and a mask `[1, image_size, image_size, 1]` ->
    /// `[1, h, w, mem_dim]`.
    pub fn forward(&self, image_embedding: Tensor<4>, mask: Tensor<4>) -> Tensor<4> {
        let x = self.pix_feat_proj.forward(image_embedding) + self.mask_downsampler.forward(mask);
        self.out_proj.forward(self.fuser.layers.iter().fold(x, |x, block| block.forward(x)))
    }
}
