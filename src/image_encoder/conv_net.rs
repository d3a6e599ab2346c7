//! A convolutional image encoder for small models that learn from few pictures: a U-shaped network (Ronneberger et al., arXiv
//! 1505.04597) whose way up ends at a quarter of the image side. SAM with a convolutional encoder is known from EdgeSAM (arXiv
//! 2312.06660); this network is our own.
//!
//! `[1, 3, image_size, image_size]` -> an embedding at a sixteenth and two finer maps at an eighth and a quarter of the side.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{Adapter, ImageFeatures};
use crate::config::ConvNetConfig;
use crate::nn::{
    Conv3x3, Conv3x3Config, ENCODER_NORM_EPSILON, LayerNorm, LayerNormConfig, PatchConv, PatchConvConfig,
    PointwiseConv, PointwiseConvConfig, gelu, upsample_nearest,
};

/// Stages, from half to a thirty-second of the image side.
const STAGES: usize = 5;

/// Two 3x3 convolutions on a residual path.
#[derive(Module, Debug)]
pub struct ConvBlock {
    norm: LayerNorm,
    conv1: Conv3x3,
    conv2: Conv3x3,
}

impl ConvBlock {
    fn init(dim: usize, device: &Device) -> Self {
        Self {
            norm: LayerNormConfig::new(dim).with_epsilon(ENCODER_NORM_EPSILON).init(device),
            conv1: Conv3x3Config::new(dim, dim).init(device),
            conv2: Conv3x3Config::new(dim, dim).init(device),
        }
    }

    /// `[1, h, w, dim]` -> `[1, h, w, dim]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let hidden = gelu(self.conv1.forward(self.norm.forward(x.clone())));
        x + self.conv2.forward(hidden)
    }
}

/// One scale of the way down: the side halved, then blocks.
#[derive(Module, Debug)]
pub struct DownStage {
    conv: PatchConv,
    blocks: Vec<ConvBlock>,
}

/// One scale of the way up: the coarser map joined to the finer one, then a block.
#[derive(Module, Debug)]
pub struct UpStage {
    top_down: PointwiseConv,
    lateral: PointwiseConv,
    block: ConvBlock,
}

impl UpStage {
    fn init(from: usize, to: usize, device: &Device) -> Self {
        Self {
            top_down: PointwiseConvConfig::new(from, to).with_bias(false).init(device),
            lateral: PointwiseConvConfig::new(to, to).init(device),
            block: ConvBlock::init(to, device),
        }
    }

    /// `[1, h, w, from]` and `[1, 2 h, 2 w, to]` -> `[1, 2 h, 2 w, to]`.
    fn forward(&self, coarser: Tensor<4>, finer: Tensor<4>) -> Tensor<4> {
        let coarser = upsample_nearest(self.top_down.forward(coarser), 2);
        self.block.forward(self.lateral.forward(finer) + coarser)
    }
}

/// The encoder.
#[derive(Module, Debug)]
pub struct ConvNet {
    /// Finest first.
    stages: Vec<DownStage>,
    /// Coarsest first.
    up_stages: Vec<UpStage>,
    /// To the width that the mask decoder expects, finest first.
    neck: Vec<PointwiseConv>,
    /// In front of the blocks of the way down, where they are adapted.
    adapters: Vec<Adapter>,
}

impl ConvNet {
    /// Makes the encoder; its maps have `d_model` channels.
    pub fn init(config: &ConvNetConfig, d_model: usize, adapter: bool, device: &Device) -> Self {
        let widths = config.widths;
        let stage = |i: usize| DownStage {
            conv: PatchConvConfig::new(if i == 0 { 3 } else { widths[i - 1] }, widths[i], 2).init(device),
            blocks: (0..config.depths[i]).map(|_| ConvBlock::init(widths[i], device)).collect(),
        };
        let adapted = (0..STAGES).flat_map(|i| std::iter::repeat_n(widths[i], config.depths[i]));
        Self {
            stages: (0..STAGES).map(stage).collect(),
            up_stages: (2..STAGES).rev().map(|i| UpStage::init(widths[i], widths[i - 1], device)).collect(),
            neck: (1..STAGES - 1).map(|i| PointwiseConvConfig::new(widths[i], d_model).init(device)).collect(),
            adapters: if adapter { adapted.map(|dim| Adapter::init(dim, device)).collect() } else { Vec::new() },
        }
    }

    /// `[1, 3, image_size, image_size]` -> features; `look` is shown each block's output on the way down.
    pub fn forward(&self, image: Tensor<4>, look: &mut dyn FnMut(Tensor<4>)) -> ImageFeatures {
        let mut x = image.permute([0, 2, 3, 1]);
        let mut maps = Vec::with_capacity(STAGES);
        let mut adapters = self.adapters.iter();
        for stage in &self.stages {
            x = stage.conv.forward(x);
            for block in &stage.blocks {
                if let Some(adapter) = adapters.next() {
                    x = adapter.forward(x);
                }
                x = block.forward(x);
                look(x.clone());
            }
            maps.push(x.clone());
        }
        let [_, finest, finer, coarser, coarsest] = maps.try_into().expect("as many maps as stages");
        let [up_coarser, up_finer, up_finest] = self.up_stages.as_slice() else { unreachable!("three ways up") };
        let coarser = up_coarser.forward(coarsest, coarser);
        let finer = up_finer.forward(coarser.clone(), finer);
        let finest = up_finest.forward(finer.clone(), finest);
        ImageFeatures {
            image_embedding: self.neck[2].forward(coarser),
            high_res_features: [self.neck[0].forward(finest), self.neck[1].forward(finer)],
        }
    }
}
