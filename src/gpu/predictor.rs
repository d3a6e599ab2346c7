//! The two-way attention block, and the prompt predictor that walks over the maps with it.

use super::GpuError;
use super::device::Gpu;
use super::encoder::Features;
use super::matrix::{Layer, Matrix, Norm, Weights, upload};
use super::ops::{Activation, Conv, Heads, Linear, Residual, Tokens};
use super::plan::{Kernel, Recorder, Tensor, parameters};
use crate::nn::{ENCODER_NORM_EPSILON, position_encoding};

/// Attention heads everywhere in the predictor and the decoder.
pub(super) const NUM_HEADS: usize = 8;
const NORM_EPSILON: f64 = 1e-5;

/// Where the keys' positions come from: added to what keys and image queries are projected from.
pub(super) enum KeyPositions<'a> {
    /// A vector for each row, then one for each column, `[height + width, dim]`.
    Axes(&'a [f32]),
    /// A vector for each pixel.
    Map(&'a [f32]),
}

/// A two-way block's weights, uploaded.
pub(super) struct TwoWayBlock {
    dim: usize,
    qkv: Layer,
    self_out: Layer,
    norms: [Norm; 3],
    query: Layer,
    /// Keys and values for the queries, then the image's own queries.
    image: Layer,
    image_positions: Tensor,
    by_axes: bool,
    cross_out: Layer,
    mlp: [Layer; 2],
    token_kv: Layer,
    image_out: Layer,
    image_norm: Norm,
    skip_first_layer_pe: bool,
}

/// Queries and keys on their way through the blocks, for a batch of sets.
pub(super) struct State {
    pub queries: Tensor,
    pub keys: Tensor,
    /// One map of keys serves the whole batch.
    pub shared: bool,
}

/// The last attention of tokens to the image: its weights, uploaded.
pub(super) struct FinalAttention {
    dim: usize,
    query: Layer,
    image: Layer,
    positions: Tensor,
    out: Layer,
    norm: Norm,
}

/// The positions as the projections of `image` see them: `outputs` of `columns` that are of positions at all.
fn projected_positions(gpu: &Gpu, positions: &KeyPositions, parts: &[(&Matrix, bool)]) -> (Tensor, bool) {
    let (KeyPositions::Axes(values) | KeyPositions::Map(values)) = positions;
    let rows = values.len() / parts[0].0.inputs;
    let projected: Vec<_> = parts
        .iter()
        .map(|(matrix, sees)| if *sees { matrix.apply(values) } else { vec![0.0; rows * matrix.outputs] })
        .collect();
    let row = |i: usize| projected.iter().zip(parts).flat_map(move |(p, (m, _))| &p[i * m.outputs..][..m.outputs]);
    let table: Vec<f32> = (0..rows).flat_map(row).copied().collect();
    (upload(gpu, &table, rows), matches!(positions, KeyPositions::Axes(_)))
}

impl TwoWayBlock {
    /// `constant` is added to every key: it is folded into what reads them.
    pub fn new(
        gpu: &Gpu,
        weights: &Weights,
        name: &str,
        positions: &KeyPositions,
        constant: Option<&[f32]>,
        skip_first_layer_pe: bool,
    ) -> Result<Self, GpuError> {
        let projection = |of: &str| weights.projection(&format!("{name}.{of}"));
        let linear = |of: &str| weights.linear(&format!("{name}.{of}"));
        let norm = |i: usize| weights.norm(gpu, &format!("{name}.norm{i}"), NORM_EPSILON);
        let [key, value] =
            [projection("cross_attn_token_to_image.k_proj")?, projection("cross_attn_token_to_image.v_proj")?];
        let image_query = projection("cross_attn_image_to_token.q_proj")?;
        let (image_positions, by_axes) =
            projected_positions(gpu, positions, &[(&key, true), (&value, false), (&image_query, true)]);
        let mut image = key.clone().beside(&[&value, &image_query]);
        let mut image_out = linear("cross_attn_image_to_token.out_proj")?;
        if let Some(constant) = constant {
            let seen = image.apply(constant);
            image = image.plus(&seen);
            image_out = image_out.plus(constant);
        }
        Ok(Self {
            dim: key.inputs,
            qkv: projection("self_attn.q_proj")?
                .beside(&[&projection("self_attn.k_proj")?, &projection("self_attn.v_proj")?])
                .upload(gpu),
            self_out: linear("self_attn.out_proj")?.upload(gpu),
            norms: [norm(1)?, norm(2)?, norm(3)?],
            query: projection("cross_attn_token_to_image.q_proj")?.upload(gpu),
            image: image.upload(gpu),
            image_positions,
            by_axes,
            cross_out: linear("cross_attn_token_to_image.out_proj")?.upload(gpu),
            mlp: [linear("mlp.layers.0")?.upload(gpu), linear("mlp.layers.1")?.upload(gpu)],
            token_kv: projection("cross_attn_image_to_token.k_proj")?
                .beside(&[&projection("cross_attn_image_to_token.v_proj")?])
                .upload(gpu),
            image_out: image_out.upload(gpu),
            image_norm: norm(4)?,
            skip_first_layer_pe,
        })
    }

    /// `grid` is that of the keys; `query_pe` has a row for each token of a set or of all sets.
    pub fn record(
        &self,
        plan: &mut Recorder,
        state: State,
        query_pe: &Tensor,
        batch: usize,
        grid: [usize; 2],
    ) -> State {
        let State { queries, keys, shared } = state;
        let (dim, tokens, pixels) = (self.dim, queries.rows / batch, grid[0] * grid[1]);
        let half = dim / 2;
        let skips = self.skip_first_layer_pe;
        let added = (!skips).then_some((query_pe, 2 * dim));
        let qkv = plan.tokens(&queries, &self.qkv, &Tokens { added, ..Tokens::default() });
        let heads = [0, dim, 2 * dim].map(|offset| Heads::new(&qkv, offset));
        let attended = plan.attention(heads, batch, [tokens, tokens], dim, NUM_HEADS, None);
        let residual = (!skips).then_some(&queries);
        let out = Tokens { residual, norm: Some(&self.norms[0]), ..Tokens::default() };
        let queries = plan.tokens(&attended, &self.self_out, &out);

        let positions =
            if self.by_axes { Residual::Axes(&self.image_positions) } else { Residual::Map(&self.image_positions) };
        let image = plan.linear(&Linear { residual: positions, ..Linear::new(&keys, &self.image, grid) });
        let of_image = |offset| Heads { tensor: &image, offset, shared };
        let query = plan.tokens(&queries, &self.query, &Tokens { added: Some((query_pe, half)), ..Tokens::default() });
        let attended = plan.gather(&query, [of_image(0), of_image(half)], batch, [tokens, pixels], NUM_HEADS);
        let out = Tokens { residual: Some(&queries), norm: Some(&self.norms[1]), ..Tokens::default() };
        let queries = plan.tokens(&attended, &self.cross_out, &out);

        let hidden = plan.tokens(&queries, &self.mlp[0], &Tokens { activation: Activation::Relu, ..Tokens::default() });
        let out = Tokens { residual: Some(&queries), norm: Some(&self.norms[2]), ..Tokens::default() };
        let queries = plan.tokens(&hidden, &self.mlp[1], &out);

        let kv = plan.tokens(&queries, &self.token_kv, &Tokens { added: Some((query_pe, half)), ..Tokens::default() });
        let heads = [of_image(2 * half), Heads::new(&kv, 0), Heads::new(&kv, half)];
        let attended = plan.attention(heads, batch, [pixels, tokens], half, NUM_HEADS, None);
        let residual = Residual::Map(&keys);
        let keys = plan.linear(&Linear { residual, ..Linear::new(&attended, &self.image_out, grid) });
        let keys = plan.norm(&keys, &self.image_norm, Activation::None);
        State { queries, keys, shared: false }
    }
}

impl FinalAttention {
    pub fn new(
        gpu: &Gpu,
        weights: &Weights,
        name: &str,
        norm: &str,
        positions: &KeyPositions,
    ) -> Result<Self, GpuError> {
        let projection = |of: &str| weights.projection(&format!("{name}.{of}"));
        let [key, value] = [projection("k_proj")?, projection("v_proj")?];
        let (positions, _) = projected_positions(gpu, positions, &[(&key, true), (&value, false)]);
        Ok(Self {
            dim: key.inputs,
            query: projection("q_proj")?.upload(gpu),
            image: key.beside(&[&value]).upload(gpu),
            positions,
            out: projection("out_proj")?.upload(gpu),
            norm: weights.norm(gpu, norm, NORM_EPSILON)?,
        })
    }

    pub fn record(
        &self,
        plan: &mut Recorder,
        state: &State,
        query_pe: &Tensor,
        batch: usize,
        grid: [usize; 2],
    ) -> Tensor {
        let (tokens, half) = (state.queries.rows / batch, self.dim / 2);
        let residual = Residual::Map(&self.positions);
        let image = plan.linear(&Linear { residual, ..Linear::new(&state.keys, &self.image, grid) });
        let query =
            plan.tokens(&state.queries, &self.query, &Tokens { added: Some((query_pe, half)), ..Tokens::default() });
        let heads = [0, half].map(|offset| Heads { tensor: &image, offset, shared: state.shared });
        let attended = plan.gather(&query, heads, batch, [tokens, grid[0] * grid[1]], NUM_HEADS);
        let out = Tokens { residual: Some(&state.queries), norm: Some(&self.norm), ..Tokens::default() };
        plan.tokens(&attended, &self.out, &out)
    }
}

/// What the predictor makes of a frame, which outlives the plan that makes it; a row or a map for each structure.
#[derive(Debug, Clone)]
pub(super) struct Predicted {
    /// `[structures tokens, dim]`: two embedded corners, then the last queries.
    pub sparse: Tensor,
    /// `[structures h w, dim]`: the image embedding with the embedded interim mask added, as the decoder takes it.
    pub image: Tensor,
    /// `[structures, 4]` in units of the input.
    pub boxes: Tensor,
    /// Logits `[structures side / 4 side / 4, 1]`.
    pub interim_mask: Tensor,
}

/// The predictor's weights, uploaded.
pub(super) struct Predictor {
    prompts: Tensor,
    query_pe: Tensor,
    adapters: [Layer; 2],
    blocks: Vec<TwoWayBlock>,
    mask_layers: [Layer; 2],
    pub mask_prompt: MaskPrompt,
    box_hidden: Layer,
    box_layers: Tensor,
    structures: usize,
    image_size: usize,
}

impl Predictor {
    pub fn new(gpu: &Gpu, weights: &Weights, image_size: usize) -> Result<Self, GpuError> {
        let prompts = weights.get("learnable_prompts")?;
        let &[structures, tokens, dim] = prompts.shape.as_slice() else {
            return Err(GpuError::NotCovered("learnt prompts of another shape".into()));
        };
        let no_mask = &weights.get("prompt_encoder.no_mask_embed.weight")?.values;
        let sides = [image_size / 16, image_size / 8, image_size / 4];
        let blocks = sides.iter().enumerate().map(|(i, &side)| {
            let axes = position_encoding::axes_2d(side, side, dim);
            let positions = KeyPositions::Axes(&axes);
            // The running dense map starts as "no mask".
            let constant = (i == 0).then_some(no_mask.as_slice());
            TwoWayBlock::new(gpu, weights, &format!("prompt_predictor.layers.{i}"), &positions, constant, i == 0)
        });
        let adapter = |i: usize| -> Result<Layer, GpuError> {
            Ok(weights.linear(&format!("prompt_predictor.channel_adapters.{i}"))?.upload(gpu))
        };
        let mask_layer = |i: usize| -> Result<Layer, GpuError> {
            Ok(weights.conv(&format!("prompt_predictor.mask_classifier.layers.{i}"))?.upload(gpu))
        };
        let mlp = "prompt_predictor.box_regression_head.mlp.layers";
        let values = |name: &str| weights.get(name).map(|array| array.values.as_slice());
        let box_layers = [
            values(&format!("{mlp}.1.weight"))?,
            values(&format!("{mlp}.1.bias"))?,
            values("prompt_encoder.point_embeddings.2.weight")?,
            values("prompt_encoder.point_embeddings.3.weight")?,
            values("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix")?,
        ];
        Ok(Self {
            prompts: upload(gpu, &prompts.values, structures * tokens),
            query_pe: upload(gpu, &position_encoding::values_1d(tokens, dim), tokens),
            adapters: [adapter(0)?, adapter(1)?],
            blocks: blocks.collect::<Result<_, _>>()?,
            mask_layers: [mask_layer(0)?, mask_layer(1)?],
            mask_prompt: MaskPrompt::new(gpu, weights, dim, image_size)?,
            box_hidden: weights.linear(&format!("{mlp}.0"))?.upload(gpu),
            box_layers: upload(gpu, &box_layers.concat(), 1),
            structures,
            image_size,
        })
    }

    pub fn record(&self, plan: &mut Recorder, features: &Features, predicted: &Predicted) {
        let batch = self.structures;
        let mut side = self.image_size / 16;
        let mut state = State { queries: self.prompts.clone(), keys: features.image_embedding.clone(), shared: true };
        state = self.blocks[0].record(plan, state, &self.query_pe, batch, [side; 2]);
        let [finest, finer] = &features.high_res;
        for ((map, adapter), block) in [finer, finest].into_iter().zip(&self.adapters).zip(&self.blocks[1..]) {
            side *= 2;
            let residual = Residual::Upsampled(&state.keys, 2);
            let keys = plan.linear(&Linear { batch, residual, ..Linear::new(map, adapter, [side; 2]) });
            state = block.record(plan, State { keys, ..state }, &self.query_pe, batch, [side; 2]);
        }
        let conv = Some(Conv::same(3, [side; 2]));
        let hidden = self.mask_layers.iter().fold(state.keys, |x, layer| {
            plan.linear(&Linear { conv, activation: Activation::Relu, ..Linear::new(&x, layer, [side; 2]) })
        });
        self.mask_prompt.record_hidden(plan, &hidden, batch, features, predicted);

        let dim = self.prompts.width;
        let tokens = self.prompts.rows / batch;
        let rows = Some((batch, tokens * dim));
        let op = Tokens { activation: Activation::Relu, rows, ..Tokens::default() };
        let hidden = plan.tokens(&state.queries, &self.box_hidden, &op);
        let parameters = parameters![tokens, dim, 0.5 / self.image_size as f32];
        let inputs = [&hidden, &self.box_layers, &state.queries];
        let outputs = [&predicted.sparse, &predicted.boxes];
        plan.add((Kernel::BoxPrompt, String::new()), &parameters, &inputs, &outputs, [batch, 1, 1]);
    }
}

/// The prompt encoder's mask downscaling, with the mask head's last layer in front.
pub(super) struct MaskPrompt {
    layers: Tensor,
    no_mask: Tensor,
    hidden: usize,
    tokens_across: usize,
}

impl MaskPrompt {
    pub fn new(gpu: &Gpu, weights: &Weights, dim: usize, image_size: usize) -> Result<Self, GpuError> {
        let head = "prompt_predictor.mask_classifier.final_conv";
        let hidden = weights.get(&format!("{head}.weight"))?.values.len();
        let name = "prompt_encoder.mask_downscaling";
        let values = |name: String| weights.get(&name).map(|array| array.values.clone());
        let both = |of: &str| -> Result<Vec<f32>, GpuError> {
            Ok([values(format!("{of}.weight"))?, values(format!("{of}.bias"))?].concat())
        };
        // [16, 4 channels, 2, 2] -> [16, 2, 2, 4 channels].
        let second = values(format!("{name}.conv2.weight"))?;
        let second: Vec<f32> = (0..second.len()).map(|i| second[i / 16 * 16 + i % 4 * 4 + i / 4 % 4]).collect();
        let layers = [
            both(head)?,
            both(&format!("{name}.conv1"))?,
            both(&format!("{name}.norm1"))?,
            second,
            values(format!("{name}.conv2.bias"))?,
            both(&format!("{name}.norm2"))?,
            both(&format!("{name}.conv3"))?,
        ];
        debug_assert_eq!(layers.iter().map(Vec::len).sum::<usize>(), hidden + 1 + 28 + 304 + 17 * dim);
        let no_mask = &weights.get("prompt_encoder.no_mask_embed.weight")?.values;
        Ok(Self {
            layers: upload(gpu, &layers.concat(), 1),
            no_mask: upload(gpu, no_mask, 1),
            hidden,
            tokens_across: image_size / 16,
        })
    }

    fn record_hidden(&self, plan: &mut Recorder, x: &Tensor, batch: usize, features: &Features, predicted: &Predicted) {
        let outputs = [&predicted.image, &predicted.interim_mask];
        self.add(plan, Source::Hidden, [x, &self.layers], batch, features, &outputs);
    }

    /// The image embedding with an embedded mask added: logits, or none.
    pub fn record(&self, plan: &mut Recorder, mask: Option<&Tensor>, features: &Features) -> Tensor {
        let image = plan.tensor(features.image_embedding.rows, features.image_embedding.width);
        match mask {
            Some(mask) => self.add(plan, Source::Mask, [mask, &self.layers], 1, features, &[&image]),
            None => self.add(plan, Source::Nothing, [&self.no_mask, &self.no_mask], 1, features, &[&image]),
        }
        image
    }

    fn add(
        &self,
        plan: &mut Recorder,
        source: Source,
        [x, layers]: [&Tensor; 2],
        batch: usize,
        features: &Features,
        outputs: &[&Tensor],
    ) {
        let tokens = self.tokens_across * self.tokens_across;
        let dim = features.image_embedding.width;
        let parameters = parameters![self.tokens_across, tokens, self.hidden, dim, ENCODER_NORM_EPSILON as f32];
        let variant = (Kernel::MaskPrompt, format!("const SOURCE = {};", source as usize));
        plan.add(variant, &parameters, &[x, layers, &features.image_embedding], outputs, [tokens, batch, 1]);
    }
}

/// Where a mask prompt comes from.
#[derive(Clone, Copy)]
enum Source {
    Hidden,
    Mask,
    Nothing,
}
