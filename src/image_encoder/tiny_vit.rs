//! MobileSAM's image encoder: TinyViT-5M (`tiny_vit_sam.py`), a convolutional stage and three stages of windowed attention.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::collections::HashMap;

use super::{Adapter, ConvNeck, ImageFeatures};
use crate::config::TinyVitConfig;
use crate::nn::{
    LayerNorm, LayerNormConfig, Once, affine, attention, conv2d, gelu, linear, torch_default, window_partition,
    window_unpartition,
};

const EXPAND_RATIO: usize = 4;
const BATCH_NORM_EPSILON: f64 = 1e-5;

/// The encoder.
#[derive(Module, Debug)]
pub struct TinyVit {
    patch_embed: PatchEmbed,
    layers: Vec<Layer>,
    neck: ConvNeck,
    /// In front of each attention block, counted through the layers.
    adapters: Vec<Adapter>,
}

/// Two strided convolutions, to a quarter of the image side.
#[derive(Module, Debug)]
pub struct PatchEmbed {
    conv1: Conv2dBn,
    conv2: Conv2dBn,
}

/// A stage and, except after the last, the step to the next one's width.
#[derive(Module, Debug)]
pub struct Layer {
    blocks: Vec<LayerBlock>,
    downsample: Option<PatchMerging>,
}

/// The first stage is convolutional, the others attend.
#[allow(clippy::large_enum_variant, reason = "a handful in a network")]
#[derive(Module, Debug)]
pub enum LayerBlock {
    /// Inverted bottleneck.
    Conv(MbConv),
    /// Windowed attention.
    Attention(TinyVitBlock),
}

impl TinyVit {
    /// Makes the encoder.
    pub fn init(config: &TinyVitConfig, out_chans: usize, adapter: bool, device: &Device) -> Self {
        let [first, .., last] = config.embed_dims;
        let layer = |i: usize| {
            let dim = config.embed_dims[i];
            let block = |_| match i {
                0 => LayerBlock::Conv(MbConv::init(dim, device)),
                _ => {
                    LayerBlock::Attention(TinyVitBlock::init(dim, config.num_heads[i], config.window_sizes[i], device))
                }
            };
            // The last step keeps the resolution, so that the embedding is a sixteenth of the image side.
            let stride = if i + 2 == config.embed_dims.len() { 1 } else { 2 };
            let next = config.embed_dims.get(i + 1);
            Layer {
                blocks: (0..config.depths[i]).map(block).collect(),
                downsample: next.map(|&next| PatchMerging::init(dim, next, stride, device)),
            }
        };
        let adapted = config.embed_dims.iter().zip(config.depths).skip(1);
        let adapted = adapted.flat_map(|(&dim, depth)| vec![dim; depth]).filter(|_| adapter);
        Self {
            patch_embed: PatchEmbed {
                conv1: Conv2dBn::init([3, first / 2], 3, 2, 1, device),
                conv2: Conv2dBn::init([first / 2, first], 3, 2, 1, device),
            },
            layers: (0..config.embed_dims.len()).map(layer).collect(),
            neck: ConvNeck::init(last, out_chans, device),
            adapters: adapted.map(|dim| Adapter::init(dim, device)).collect(),
        }
    }

    pub(super) fn forward(&self, image: Tensor<4>, look: &mut dyn FnMut(Tensor<4>)) -> ImageFeatures {
        let x = gelu(self.patch_embed.conv1.forward(image.permute([0, 2, 3, 1])));
        let mut x = self.patch_embed.conv2.forward(x);
        look(x.clone());
        let mut adapters = self.adapters.iter();
        let mut last_but_one = x.clone();
        for layer in &self.layers {
            last_but_one = x.clone();
            x = layer.forward(x, &mut adapters, look);
        }
        ImageFeatures { image_embedding: self.neck.forward(x.clone()), high_res_features: [last_but_one, x] }
    }
}

impl Layer {
    /// `[1, h, w, dim]` -> `[1, h / stride, w / stride, next dim]`.
    fn forward<'a>(
        &self,
        mut x: Tensor<4>,
        adapters: &mut impl Iterator<Item = &'a Adapter>,
        look: &mut dyn FnMut(Tensor<4>),
    ) -> Tensor<4> {
        for block in &self.blocks {
            x = match block {
                LayerBlock::Conv(block) => block.forward(x),
                LayerBlock::Attention(block) => block.forward(match adapters.next() {
                    Some(adapter) => adapter.forward(x),
                    None => x,
                }),
            };
            look(x.clone());
        }
        match &self.downsample {
            Some(downsample) => downsample.forward(x),
            None => x,
        }
    }
}

/// A convolution and the batch norm after it, which at inference is a scale and a shift of its output and so goes into its
/// weights.
#[derive(Module, Debug)]
pub struct Conv2dBn {
    c: ConvWeight,
    bn: BatchNorm,
    stride: usize,
    groups: usize,
    /// Weight and bias with the batch norm in them.
    #[module(skip)]
    folded: Once<(Tensor<4>, Tensor<1>)>,
}

/// The convolution, without a bias.
#[derive(Module, Debug)]
pub struct ConvWeight {
    /// `[out_channels, in_channels / groups, kernel, kernel]`.
    weight: Param<Tensor<4>>,
}

/// The batch norm's statistics, as the checkpoint has them; each `[channels]`.
#[derive(Module, Debug)]
pub struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Param<Tensor<1>>,
    running_var: Param<Tensor<1>>,
}

impl Conv2dBn {
    fn init(channels: [usize; 2], kernel: usize, stride: usize, groups: usize, device: &Device) -> Self {
        let [input, output] = channels;
        let shape = [output, input / groups, kernel, kernel];
        let constant = |value| burn::nn::Initializer::Constant { value }.init([output], device);
        Self {
            c: ConvWeight {
                weight: torch_default().init_with(shape, Some(input / groups * kernel * kernel), None, device),
            },
            bn: BatchNorm {
                weight: constant(1.0),
                bias: constant(0.0),
                running_mean: constant(0.0).set_require_grad(false),
                running_var: constant(1.0).set_require_grad(false),
            },
            stride,
            groups,
            folded: Once::default(),
        }
    }

    /// `[1, h, w, in]` -> `[1, h / stride, w / stride, out]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.c.weight.val();
        let [output, input, kernel, _] = weight.dims();
        let (weight, bias) = self.folded.get(&weight.clone(), || {
            let bn = &self.bn;
            let scale = bn.weight.val() / (bn.running_var.val() + BATCH_NORM_EPSILON).sqrt();
            let bias = bn.bias.val() - bn.running_mean.val() * scale.clone();
            (weight * scale.reshape([output, 1, 1, 1]), bias)
        });
        if kernel == 1 {
            return affine(x, weight.reshape([output, input]).transpose(), Some(bias));
        }
        conv2d(x, weight, bias, self.stride, self.groups)
    }
}

/// Inverted bottleneck with a depthwise convolution.
#[derive(Module, Debug)]
pub struct MbConv {
    conv1: Conv2dBn,
    conv2: Conv2dBn,
    conv3: Conv2dBn,
}

impl MbConv {
    fn init(dim: usize, device: &Device) -> Self {
        let hidden = dim * EXPAND_RATIO;
        Self {
            conv1: Conv2dBn::init([dim, hidden], 1, 1, 1, device),
            conv2: Conv2dBn::init([hidden, hidden], 3, 1, hidden, device),
            conv3: Conv2dBn::init([hidden, dim], 1, 1, 1, device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let hidden = gelu(self.conv1.forward(x.clone()));
        let hidden = gelu(self.conv2.forward(hidden));
        gelu(x + self.conv3.forward(hidden))
    }
}

/// Convolutions to the next stage's width, halving the map or not.
#[derive(Module, Debug)]
pub struct PatchMerging {
    conv1: Conv2dBn,
    conv2: Conv2dBn,
    conv3: Conv2dBn,
}

impl PatchMerging {
    fn init(dim: usize, out_dim: usize, stride: usize, device: &Device) -> Self {
        Self {
            conv1: Conv2dBn::init([dim, out_dim], 1, 1, 1, device),
            conv2: Conv2dBn::init([out_dim, out_dim], 3, stride, out_dim, device),
            conv3: Conv2dBn::init([out_dim, out_dim], 1, 1, 1, device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv3.forward(gelu(self.conv2.forward(gelu(self.conv1.forward(x)))))
    }
}

/// Windowed attention, a depthwise convolution, an MLP.
#[derive(Module, Debug)]
pub struct TinyVitBlock {
    attn: Attention,
    mlp: NormedMlp,
    local_conv: Conv2dBn,
    window_size: usize,
}

/// The MLP with its norm inside.
#[derive(Module, Debug)]
pub struct NormedMlp {
    norm: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl TinyVitBlock {
    fn init(dim: usize, num_heads: usize, window_size: usize, device: &Device) -> Self {
        Self {
            attn: Attention::init(dim, num_heads, window_size, device),
            mlp: NormedMlp {
                norm: LayerNormConfig::new(dim).init(device),
                fc1: LinearConfig::new(dim, 4 * dim).init(device),
                fc2: LinearConfig::new(4 * dim, dim).init(device),
            },
            local_conv: Conv2dBn::init([dim, dim], 3, 1, dim, device),
            window_size,
        }
    }

    /// `[1, h, w, dim]` -> the same.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, height, width, _] = x.dims();
        let windows = self.attn.forward(window_partition(x.clone(), self.window_size));
        let x = x + window_unpartition(windows, height, width);
        let x = self.local_conv.forward(x);
        let hidden = gelu(linear(&self.mlp.fc1, self.mlp.norm.forward(x.clone())));
        x + linear(&self.mlp.fc2, hidden)
    }
}

/// Attention in a window with a learnt bias for each distance between two tokens.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[heads, distances]`.
    attention_biases: Param<Tensor<2>>,
    norm: LayerNorm,
    qkv: Linear,
    proj: Linear,
    window_size: usize,
    /// The biases of all pairs of tokens, `[heads, tokens, tokens]`.
    #[module(skip)]
    bias: Once<Tensor<3>>,
}

impl Attention {
    fn init(dim: usize, num_heads: usize, window_size: usize, device: &Device) -> Self {
        let distances = window_size * window_size;
        Self {
            attention_biases: burn::nn::Initializer::Zeros.init([num_heads, distances], device),
            norm: LayerNormConfig::new(dim).init(device),
            qkv: LinearConfig::new(dim, 3 * dim).init(device),
            proj: LinearConfig::new(dim, dim).init(device),
            window_size,
            bias: Once::default(),
        }
    }

    /// `[windows, side, side, dim]` -> the same.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [windows, side, _, dim] = x.dims();
        let tokens = side * side;
        let biases = self.attention_biases.val();
        let [heads, _] = biases.dims();
        // Each head has its q, k and v side by side.
        let qkv = linear(&self.qkv, self.norm.forward(x)).reshape([windows, tokens, heads, 3 * dim / heads]);
        let [q, k, v] = [0, 1, 2].map(|i| qkv.clone().narrow(3, i * dim / heads, dim / heads).flatten::<3>(2, 3));
        let bias = self.bias.get(&biases.clone(), || {
            let distances = TensorData::new(distance_indices(self.window_size), [tokens * tokens]);
            let distances = Tensor::<1, Int>::from_data(distances, &biases.device());
            biases.select(1, distances).reshape([heads, tokens, tokens])
        });
        linear(&self.proj, attention(q, k, v, heads, None, Some(bias))).reshape([windows, side, side, dim])
    }
}

/// For each pair of tokens in a window the number of its (vertical, horizontal) distance, counted in the order in which the
/// reference first meets them.
fn distance_indices(side: usize) -> Vec<i32> {
    let mut seen = HashMap::new();
    let tokens = || (0..side).flat_map(move |y| (0..side).map(move |x| (y, x)));
    tokens()
        .flat_map(|a| tokens().map(move |b| (a.0.abs_diff(b.0), a.1.abs_diff(b.1))))
        .map(|distance| {
            let next = seen.len() as i32;
            *seen.entry(distance).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_numbered_as_they_are_met() {
        let indices = distance_indices(2);
        assert_eq!(&indices[..4], &[0, 1, 2, 3]);
        assert_eq!(&indices[4..8], &[1, 0, 3, 2]);
        assert_eq!(*distance_indices(7).iter().max().unwrap(), 48);
    }
}
