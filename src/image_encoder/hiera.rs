//! SAM 2's image encoder: the Hiera trunk (arXiv 2306.00989, `backbones/hieradet.py`) and its FPN neck.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use super::{Adapter, FpnNeck, ImageFeatures};
use crate::config::HieraConfig;
use crate::nn::{
    Activation, ENCODER_NORM_EPSILON, Interpolation, LayerNorm, LayerNormConfig, Mlp, MlpConfig, Once, attention,
    conv2d, linear, max_pool_2x2, resize, small_normal, window_partition, window_unpartition,
};

const MLP_RATIO: usize = 4;
const PATCH_STRIDE: usize = 4;

/// Trunk, adapters in front of its blocks, and neck.
#[derive(Module, Debug)]
pub struct HieraEncoder {
    trunk: Hiera,
    neck: FpnNeck,
    adapters: Vec<Adapter>,
}

impl HieraEncoder {
    /// Makes the encoder; `d_model` is the width of the image embedding.
    pub fn init(config: &HieraConfig, d_model: usize, adapter: bool, device: &Device) -> Self {
        let trunk = Hiera::init(config, device);
        let adapters = match adapter {
            true => trunk.blocks.iter().map(|block| Adapter::init(block.dim, device)).collect(),
            false => vec![],
        };
        Self { trunk, neck: FpnNeck::init(config.embed_dim, d_model, device), adapters }
    }

    pub(super) fn forward(&self, image: Tensor<4>, look: &mut dyn FnMut(Tensor<4>)) -> ImageFeatures {
        let stages = self.trunk.forward(image, &self.adapters, look);
        let [finest, finer, image_embedding] = self.neck.forward(stages);
        ImageFeatures { image_embedding, high_res_features: [finest, finer] }
    }
}

/// The hierarchical trunk.
#[derive(Module, Debug)]
pub struct Hiera {
    patch_embed: PatchEmbed,
    blocks: Vec<MultiScaleBlock>,
    /// `[1, embed_dim, side, side]`, stretched over the image.
    pos_embed: Param<Tensor<4>>,
    /// `[1, embed_dim, window, window]`, repeated over the image.
    pos_embed_window: Param<Tensor<4>>,
    stage_ends: [usize; 4],
    /// Of the image size that the first frame had.
    #[module(skip)]
    position_embedding: Once<Tensor<4>>,
}

/// Overlapping patches: a 7x7 convolution with stride 4.
#[derive(Module, Debug)]
pub struct PatchEmbed {
    proj: Conv2d,
}

impl PatchEmbed {
    /// `[1, side, side, 3]` -> `[1, side / 4, side / 4, embed_dim]`.
    fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        let bias = self.proj.bias.as_ref().expect("patches are embedded with a bias");
        conv2d(image, self.proj.weight.val(), bias.val(), PATCH_STRIDE, 1)
    }
}

impl Hiera {
    fn init(config: &HieraConfig, device: &Device) -> Self {
        let mut blocks = Vec::with_capacity(config.depth());
        let mut stage_ends = [0; 4];
        let (mut dim, mut heads) = (config.embed_dim, config.num_heads);
        for (stage, &depth) in config.stages.iter().enumerate() {
            for i in 0..depth {
                let index = blocks.len();
                let is_transition = stage > 0 && i == 0;
                let dim_out = if is_transition { dim * 2 } else { dim };
                heads = if is_transition { heads * 2 } else { heads };
                // The first block of a stage still has the window of the stage before.
                let window_stage = if is_transition { stage - 1 } else { stage };
                let is_global = config.global_att_blocks.contains(&index);
                let window_size = if is_global { 0 } else { config.window_spec[window_stage] };
                blocks.push(MultiScaleBlock::init(dim, dim_out, heads, window_size, device));
                dim = dim_out;
            }
            stage_ends[stage] = blocks.len() - 1;
        }
        let proj = Conv2dConfig::new([3, config.embed_dim], [7, 7])
            .with_stride([PATCH_STRIDE; 2])
            .with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3));
        let table = |side| small_normal().init([1, config.embed_dim, side, side], device);
        Self {
            patch_embed: PatchEmbed { proj: proj.init(device) },
            blocks,
            pos_embed: table(config.window_pos_embed_bkg_spatial_size),
            pos_embed_window: table(config.window_spec[0]),
            stage_ends,
            position_embedding: Once::default(),
        }
    }

    /// `[1, 3, side, side]` -> the outputs of the four stages, `[1, h, w, channels]`, finest first.
    fn forward(&self, image: Tensor<4>, adapters: &[Adapter], look: &mut dyn FnMut(Tensor<4>)) -> [Tensor<4>; 4] {
        let x = self.patch_embed.forward(image.permute([0, 2, 3, 1]));
        look(x.clone());
        let [_, height, width, _] = x.dims();
        let table = self.pos_embed.val();
        let mut x = x + self.position_embedding.get(&table, || self.position_embedding([height, width]));
        let mut stages = Vec::with_capacity(4);
        for (i, block) in self.blocks.iter().enumerate() {
            if let Some(adapter) = adapters.get(i) {
                x = adapter.forward(x);
            }
            x = block.forward(x);
            look(x.clone());
            if self.stage_ends.contains(&i) {
                stages.push(x.clone());
            }
        }
        stages.try_into().expect("each of the four stages ends at a block")
    }

    /// The stretched table plus the repeated one, `[1, height, width, embed_dim]`.
    fn position_embedding(&self, [height, width]: [usize; 2]) -> Tensor<4> {
        let background = self.pos_embed.val().permute([0, 2, 3, 1]);
        let window = self.pos_embed_window.val().permute([0, 2, 3, 1]);
        let [_, window_height, window_width, _] = window.dims();
        resize(background, [height, width], Interpolation::Bicubic)
            + window.repeat(&[1, height / window_height, width / window_width, 1])
    }
}

/// A transformer block; the first of a stage doubles the channels and halves the map.
#[derive(Module, Debug)]
pub struct MultiScaleBlock {
    norm1: LayerNorm,
    attn: MultiScaleAttention,
    norm2: LayerNorm,
    mlp: Mlp,
    /// The shortcut's projection where the channels double.
    proj: Option<Linear>,
    dim: usize,
    /// Side of the attention windows; 0 attends over the whole map.
    window_size: usize,
}

impl MultiScaleBlock {
    fn init(dim: usize, dim_out: usize, num_heads: usize, window_size: usize, device: &Device) -> Self {
        let norm = |width| LayerNormConfig::new(width).with_epsilon(ENCODER_NORM_EPSILON).init(device);
        Self {
            norm1: norm(dim),
            attn: MultiScaleAttention {
                qkv: LinearConfig::new(dim, 3 * dim_out).init(device),
                proj: LinearConfig::new(dim_out, dim_out).init(device),
                num_heads,
            },
            norm2: norm(dim_out),
            mlp: MlpConfig::new(dim_out, MLP_RATIO * dim_out, dim_out, 2).init(device),
            proj: (dim != dim_out).then(|| LinearConfig::new(dim, dim_out).init(device)),
            dim,
            window_size,
        }
    }

    /// `[batch, h, w, dim]` -> `[batch, h, w, dim]`, or `[batch, h / 2, w / 2, 2 dim]` at the start of a stage.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let normed = self.norm1.forward(x.clone());
        let shortcut = match &self.proj {
            Some(proj) => max_pool_2x2(linear(proj, normed.clone())),
            None => x,
        };
        let [_, height, width, _] = shortcut.dims();
        let pool = self.proj.is_some();
        let attended = match self.window_size {
            0 => self.attn.forward(normed, pool),
            size => {
                let windows = self.attn.forward(window_partition(normed, size), pool);
                window_unpartition(windows, height, width)
            }
        };
        let x = shortcut + attended;
        x.clone() + self.mlp.forward(self.norm2.forward(x), Activation::Gelu)
    }
}

/// Attention whose queries may be pooled 2x2.
#[derive(Module, Debug)]
pub struct MultiScaleAttention {
    qkv: Linear,
    proj: Linear,
    num_heads: usize,
}

impl MultiScaleAttention {
    /// `[batch, h, w, dim]` -> `[batch, h, w, dim_out]`, or half of h and w where the queries are pooled.
    fn forward(&self, x: Tensor<4>, pool: bool) -> Tensor<4> {
        let [batch, height, width, _] = x.dims();
        let qkv = linear(&self.qkv, x);
        let dim_out = qkv.dims()[3] / 3;
        // Flattened as a whole: its parts are views then, and nothing is copied.
        let tokens = qkv.clone().flatten::<3>(1, 2);
        let part = |i| tokens.clone().narrow(2, i * dim_out, dim_out);
        let (q, height, width) = if pool {
            (max_pool_2x2(qkv.narrow(3, 0, dim_out)).flatten(1, 2), height / 2, width / 2)
        } else {
            (part(0), height, width)
        };
        let out = attention(q, part(1), part(2), self.num_heads, None, None);
        linear(&self.proj, out).reshape([batch, height, width, dim_out])
    }
}
