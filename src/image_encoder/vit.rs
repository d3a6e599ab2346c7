//! SAM's image encoder (`segment_anything/modeling/image_encoder.py`): a plain ViT with windows and decomposed relative
//! positions.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{Adapter, ConvNeck, ImageFeatures};
use crate::config::{PATCH_SIZE, VitConfig};
use crate::nn::{
    ENCODER_NORM_EPSILON, LayerNorm, LayerNormConfig, PatchConv, PatchConvConfig, attention, gelu, linear,
    small_normal, window_partition, window_unpartition,
};

const WINDOW_SIZE: usize = 14;
const MLP_RATIO: usize = 4;
/// Adapters stand in front of the last blocks only.
const ADAPTED_BLOCKS: usize = 5;

/// The encoder.
#[derive(Module, Debug)]
pub struct ImageEncoderVit {
    patch_embed: PatchEmbed,
    /// `[1, h, w, embed_dim]`.
    pos_embed: Param<Tensor<4>>,
    blocks: Vec<Block>,
    neck: ConvNeck,
    adapters: Vec<Adapter>,
}

/// Patches that do not overlap.
#[derive(Module, Debug)]
pub struct PatchEmbed {
    proj: PatchConv,
}

impl ImageEncoderVit {
    /// Makes the encoder for an embedding of `side` x `side` tokens.
    pub fn init(config: &VitConfig, side: usize, out_chans: usize, adapter: bool, device: &Device) -> Self {
        let block = |i| {
            let window_size = if config.global_attn_indexes.contains(&i) { 0 } else { WINDOW_SIZE };
            Block::init(config, window_size, side, device)
        };
        let adapters = if adapter { ADAPTED_BLOCKS } else { 0 };
        Self {
            patch_embed: PatchEmbed { proj: PatchConvConfig::new(3, config.embed_dim, PATCH_SIZE).init(device) },
            pos_embed: small_normal().init([1, side, side, config.embed_dim], device),
            blocks: (0..config.depth).map(block).collect(),
            neck: ConvNeck::init(config.embed_dim, out_chans, device),
            adapters: (0..adapters).map(|_| Adapter::init(config.embed_dim, device)).collect(),
        }
    }

    pub(super) fn forward(&self, image: Tensor<4>, look: &mut dyn FnMut(Tensor<4>)) -> ImageFeatures {
        let x = self.patch_embed.proj.forward(image.permute([0, 2, 3, 1]));
        look(x.clone());
        let mut x = x + self.pos_embed.val();
        let mut last_but_one = x.clone();
        let first_adapted = self.blocks.len() - self.adapters.len();
        for (i, block) in self.blocks.iter().enumerate() {
            last_but_one = x.clone();
            if let Some(adapter) = i.checked_sub(first_adapted).map(|i| &self.adapters[i]) {
                x = adapter.forward(x);
            }
            x = block.forward(x);
            look(x.clone());
        }
        ImageFeatures { image_embedding: self.neck.forward(x.clone()), high_res_features: [last_but_one, x] }
    }
}

/// A transformer block.
#[derive(Module, Debug)]
pub struct Block {
    norm1: LayerNorm,
    attn: Attention,
    norm2: LayerNorm,
    mlp: MlpBlock,
    window_size: usize,
}

/// The MLP, with the names of SAM's checkpoint.
#[derive(Module, Debug)]
pub struct MlpBlock {
    lin1: Linear,
    lin2: Linear,
}

impl Block {
    fn init(config: &VitConfig, window_size: usize, side: usize, device: &Device) -> Self {
        let dim = config.embed_dim;
        let norm = || LayerNormConfig::new(dim).with_epsilon(ENCODER_NORM_EPSILON).init(device);
        let attended_side = if window_size == 0 { side } else { window_size };
        let table = || small_normal().init([2 * attended_side - 1, dim / config.num_heads], device);
        Self {
            norm1: norm(),
            attn: Attention {
                qkv: LinearConfig::new(dim, 3 * dim).init(device),
                proj: LinearConfig::new(dim, dim).init(device),
                rel_pos_h: table(),
                rel_pos_w: table(),
                num_heads: config.num_heads,
            },
            norm2: norm(),
            mlp: MlpBlock {
                lin1: LinearConfig::new(dim, MLP_RATIO * dim).init(device),
                lin2: LinearConfig::new(MLP_RATIO * dim, dim).init(device),
            },
            window_size,
        }
    }

    /// `[1, h, w, dim]` -> `[1, h, w, dim]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, height, width, _] = x.dims();
        let normed = self.norm1.forward(x.clone());
        let attended = match self.window_size {
            0 => self.attn.forward(normed),
            size => window_unpartition(self.attn.forward(window_partition(normed, size)), height, width),
        };
        let x = x + attended;
        let hidden = gelu(linear(&self.mlp.lin1, self.norm2.forward(x.clone())));
        x + linear(&self.mlp.lin2, hidden)
    }
}

/// Attention with decomposed relative positions (`add_decomposed_rel_pos`).
#[derive(Module, Debug)]
pub struct Attention {
    qkv: Linear,
    proj: Linear,
    /// `[2 side - 1, head_dim]`.
    rel_pos_h: Param<Tensor<2>>,
    /// `[2 side - 1, head_dim]`.
    rel_pos_w: Param<Tensor<2>>,
    num_heads: usize,
}

impl Attention {
    /// `[batch, side, side, dim]` -> `[batch, side, side, dim]`.
    ///
    /// The score of a query and a key is `scale q k + row(q, key's row) + column(q, key's column)`. The two terms ride along
    /// as further channels: the query carries its value for every row and column, the key says which are its own. So no
    /// table of all pairs is ever made.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, side, _, dim] = x.dims();
        let (heads, head_dim) = (self.num_heads, dim / self.num_heads);
        let qkv = linear(&self.qkv, x).reshape([batch, side * side, 3 * heads, head_dim]);
        let part = |i| qkv.clone().narrow(2, i * heads, heads);
        let q = part(0);
        // `[row, batch, column, head, channel]`, and with rows and columns changed about.
        let by_row = q.clone().reshape([batch, side, side, heads, head_dim]).swap_dims(0, 1);
        let by_column = by_row.clone().permute([2, 1, 0, 3, 4]);
        let scores = |queries: Tensor<5>, table: &Param<Tensor<2>>| {
            let queries = queries.reshape([side, batch * side * heads, head_dim]);
            queries.matmul(relative_positions(table.val(), side)).reshape([side, batch, side, heads, side])
        };
        let row_scores = scores(by_row, &self.rel_pos_h).permute([1, 0, 2, 3, 4]);
        let column_scores = scores(by_column, &self.rel_pos_w).permute([1, 2, 0, 3, 4]);
        let tokens = |x: Tensor<5>| x.reshape([batch, side * side, heads, side]);

        let q = Tensor::cat(vec![q / (head_dim as f64).sqrt(), tokens(row_scores), tokens(column_scores)], 3);
        let own = own_row_and_column(side, &q.device()).expand([batch, side * side, heads, 2 * side]);
        let k = Tensor::cat(vec![part(1), own], 3);
        let [q, k, v] = [q, k, part(2)].map(|x| x.flatten::<3>(2, 3));
        linear(&self.proj, attention(q, k, v, heads, Some(1.0), None)).reshape([batch, side, side, dim])
    }
}

/// `[2 side - 1, head_dim]` -> for each query position the encoding of each key position, `[side, head_dim, side]`.
fn relative_positions(table: Tensor<2>, side: usize) -> Tensor<3> {
    let [_, head_dim] = table.dims();
    let rows: Vec<i32> = (0..side * side).map(|i| (i / side + side - 1 - i % side) as i32).collect();
    let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [side * side]), &table.device());
    table.select(0, rows).reshape([side, side, head_dim]).swap_dims(1, 2)
}

/// One-hot row and one-hot column of each token, `[1, side side, 1, 2 side]`.
fn own_row_and_column(side: usize, device: &Device) -> Tensor<4> {
    let mut values = vec![0f32; side * side * 2 * side];
    for (token, row) in values.chunks_exact_mut(2 * side).enumerate() {
        row[token / side] = 1.0;
        row[side + token % side] = 1.0;
    }
    Tensor::from_data(TensorData::new(values, [1, side * side, 1, 2 * side]), device)
}
