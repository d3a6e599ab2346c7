//! SAM's two-way transformer (`segment_anything/modeling/transformer.py`): prompts attend to the image and the image to the
//! prompts. The prompt predictor uses its blocks one by one, the mask decoder the whole.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::nn::{Activation, LayerNorm, LayerNormConfig, Mlp, MlpConfig, attention, attention_weights, linear};

/// Attention heads everywhere in the decoder and the predictor.
const NUM_HEADS: usize = 8;
/// Cross attention works at half the width.
const ATTENTION_DOWNSAMPLE_RATE: usize = 2;

/// A linear projection with an optional low-rank update: `W x + b + B(A x)`, without a scaling factor
/// (the reference's `LoRAqkv`).
#[derive(Module, Debug)]
pub struct Projection {
    linear: Linear,
    w_a: Option<Linear>,
    w_b: Option<Linear>,
}

impl Projection {
    fn init(input_dim: usize, output_dim: usize, rank: usize, device: &Device) -> Self {
        let low_rank = |from, to| (rank > 0).then(|| LinearConfig::new(from, to).with_bias(false).init(device));
        Self {
            linear: LinearConfig::new(input_dim, output_dim).init(device),
            w_a: low_rank(input_dim, rank),
            w_b: low_rank(rank, output_dim),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match (&self.w_a, &self.w_b) {
            (Some(w_a), Some(w_b)) => linear(&self.linear, x.clone()) + linear(w_b, linear(w_a, x)),
            _ => linear(&self.linear, x),
        }
    }
}

/// Multi-head attention that may work at less than the embedding's width.
#[derive(Module, Debug)]
pub struct Attention {
    q_proj: Projection,
    k_proj: Linear,
    v_proj: Projection,
    out_proj: Linear,
}

impl Attention {
    fn init(embedding_dim: usize, internal_dim: usize, lora_rank: usize, device: &Device) -> Self {
        Self {
            q_proj: Projection::init(embedding_dim, internal_dim, lora_rank, device),
            k_proj: LinearConfig::new(embedding_dim, internal_dim).init(device),
            v_proj: Projection::init(embedding_dim, internal_dim, lora_rank, device),
            out_proj: LinearConfig::new(internal_dim, embedding_dim).init(device),
        }
    }

    /// Queries `[batch, n, dim]` look at keys and values `[batch, m, dim]` -> `[batch, n, dim]`.
    fn forward(&self, q: Tensor<3>, k: Tensor<3>, v: Tensor<3>) -> Tensor<3> {
        let (q, k, v) = (self.q_proj.forward(q), linear(&self.k_proj, k), self.v_proj.forward(v));
        linear(&self.out_proj, attention(q, k, v, NUM_HEADS, None, None))
    }

    /// How much queries `[batch, n, dim]` look at keys `[batch, m, dim]`, head by head: `[batch, heads, n, m]`, rows that sum
    /// to 1.
    pub fn weights(&self, q: Tensor<3>, k: Tensor<3>) -> Tensor<4> {
        attention_weights(self.q_proj.forward(q), linear(&self.k_proj, k), NUM_HEADS)
    }
}

/// Configuration of a [`TwoWayAttentionBlock`] and a [`TwoWayTransformer`].
#[derive(Config, Debug)]
pub struct TwoWayConfig {
    /// Channels of queries and keys.
    pub embedding_dim: usize,
    /// Hidden width of the MLP.
    pub mlp_dim: usize,
    /// Rank of the LoRA on q and v; 0 for none.
    #[config(default = 0)]
    pub lora_rank: usize,
}

/// Self-attention of the queries, queries to keys, MLP on the queries, keys to queries.
#[derive(Module, Debug)]
pub struct TwoWayAttentionBlock {
    self_attn: Attention,
    norm1: LayerNorm,
    cross_attn_token_to_image: Attention,
    norm2: LayerNorm,
    mlp: Mlp,
    norm3: LayerNorm,
    norm4: LayerNorm,
    cross_attn_image_to_token: Attention,
    /// The first block of a stack takes its queries as they are: no position added, no residual.
    skip_first_layer_pe: bool,
}

impl TwoWayConfig {
    /// Makes a block; `skip_first_layer_pe` on the first of a stack.
    pub fn init_block(&self, skip_first_layer_pe: bool, device: &Device) -> TwoWayAttentionBlock {
        let norm = || LayerNormConfig::new(self.embedding_dim).init(device);
        let cross = || self.init_cross_attention(device);
        TwoWayAttentionBlock {
            self_attn: Attention::init(self.embedding_dim, self.embedding_dim, self.lora_rank, device),
            norm1: norm(),
            cross_attn_token_to_image: cross(),
            norm2: norm(),
            mlp: MlpConfig::new(self.embedding_dim, self.mlp_dim, self.embedding_dim, 2).init(device),
            norm3: norm(),
            norm4: norm(),
            cross_attn_image_to_token: cross(),
            skip_first_layer_pe,
        }
    }

    fn init_cross_attention(&self, device: &Device) -> Attention {
        let internal_dim = self.embedding_dim / ATTENTION_DOWNSAMPLE_RATE;
        Attention::init(self.embedding_dim, internal_dim, self.lora_rank, device)
    }

    /// Makes SAM's stack of two blocks and a final attention.
    pub fn init(&self, device: &Device) -> TwoWayTransformer {
        TwoWayTransformer {
            layers: vec![self.init_block(true, device), self.init_block(false, device)],
            final_attn_token_to_image: self.init_cross_attention(device),
            norm_final_attn: LayerNormConfig::new(self.embedding_dim).init(device),
        }
    }
}

impl TwoWayAttentionBlock {
    /// Queries `[batch, n, dim]` and keys `[batch, m, dim]` with their position encodings (of batch 1 or `batch`) to the next
    /// queries and keys.
    pub fn forward(
        &self,
        queries: Tensor<3>,
        keys: Tensor<3>,
        query_pe: Tensor<3>,
        key_pe: Tensor<3>,
    ) -> (Tensor<3>, Tensor<3>) {
        self.forward_with_attention(queries, keys, query_pe, key_pe, &mut |_, _, _| {})
    }

    /// As [`forward`](Self::forward), showing `look` the attention from queries to keys with the queries and keys it is given.
    pub fn forward_with_attention(
        &self,
        queries: Tensor<3>,
        keys: Tensor<3>,
        query_pe: Tensor<3>,
        key_pe: Tensor<3>,
        look: &mut dyn FnMut(&Attention, &Tensor<3>, &Tensor<3>),
    ) -> (Tensor<3>, Tensor<3>) {
        let queries = if self.skip_first_layer_pe {
            self.self_attn.forward(queries.clone(), queries.clone(), queries)
        } else {
            let q = queries.clone() + query_pe.clone();
            queries.clone() + self.self_attn.forward(q.clone(), q, queries)
        };
        let queries = self.norm1.forward(queries);

        let keys_with_pe = keys.clone() + key_pe;
        let q = queries.clone() + query_pe.clone();
        look(&self.cross_attn_token_to_image, &q, &keys_with_pe);
        let attended = self.cross_attn_token_to_image.forward(q, keys_with_pe.clone(), keys.clone());
        let queries = self.norm2.forward(queries + attended);

        let hidden = self.mlp.forward(queries.clone(), Activation::Relu);
        let queries = self.norm3.forward(queries + hidden);

        let q = queries.clone() + query_pe;
        let attended = self.cross_attn_image_to_token.forward(keys_with_pe, q, queries.clone());
        let keys = self.norm4.forward(keys + attended);
        (queries, keys)
    }
}

/// The mask decoder's transformer: two blocks, then the tokens look at the image once more.
#[derive(Module, Debug)]
pub struct TwoWayTransformer {
    layers: Vec<TwoWayAttentionBlock>,
    final_attn_token_to_image: Attention,
    norm_final_attn: LayerNorm,
}

impl TwoWayTransformer {
    /// Image `[batch, h w, dim]`, its position encoding `[1, h w, dim]` and tokens `[batch, n, dim]` (which are their own
    /// position encoding) -> tokens and image.
    pub fn forward(&self, image: Tensor<3>, image_pe: Tensor<3>, tokens: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let (mut queries, mut keys) = (tokens.clone(), image);
        for layer in &self.layers {
            (queries, keys) = layer.forward(queries, keys, tokens.clone(), image_pe.clone());
        }
        let attended =
            self.final_attn_token_to_image.forward(queries.clone() + tokens, keys.clone() + image_pe, keys.clone());
        (self.norm_final_attn.forward(queries + attended), keys)
    }
}
