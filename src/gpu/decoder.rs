//! SAM's mask decoder: tokens and image to mask logits and scores.

use super::GpuError;
use super::device::Gpu;
use super::encoder::Features;
use super::matrix::{Layer, Norm, Weights, upload};
use super::ops::{Activation, Linear, Residual};
use super::plan::{Kernel, Recorder, Tensor, parameters};
use super::positions::{grid_positions, random_encoding};
use super::predictor::{FinalAttention, KeyPositions, State, TwoWayBlock};
use crate::nn::ENCODER_NORM_EPSILON;

/// Tokens that the decoder itself adds: object score, IoU, four masks.
pub(super) const OUTPUT_TOKENS: usize = 6;
/// Masks for an ambiguous prompt.
pub(super) const MULTIMASK: usize = 3;
/// Values for each set of prompts after the masks: object score, four IoUs, and room.
pub(super) const SCORES: usize = 8;

/// Where the decoder's tokens come from, row by row.
pub(super) struct TokenSources<'a> {
    /// `[structures tokens, dim]`.
    pub predicted: &'a Tensor,
    /// A person's, `[.., dim]`.
    pub manual: &'a Tensor,
    /// For each row which of the decoder's own (0), the predicted (1) and the person's (2), and its row there.
    pub rows: &'a Tensor,
}

/// The decoder's weights, uploaded.
pub(super) struct Decoder {
    output_tokens: Tensor,
    blocks: [TwoWayBlock; 2],
    final_attention: FinalAttention,
    upscale: [Layer; 2],
    upscale_norm: Norm,
    heads: Tensor,
    mask_channels: usize,
}

impl Decoder {
    pub fn new(gpu: &Gpu, weights: &Weights, image_size: usize) -> Result<Self, GpuError> {
        let name = "mask_decoder";
        let own =
            ["obj_score_token", "iou_token", "mask_tokens"].map(|token| weights.get(&format!("{name}.{token}.weight")));
        let [object, iou, masks] = own;
        let output_tokens = [object?.values.as_slice(), &iou?.values, &masks?.values].concat();
        let gaussian = weights.get("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix")?;
        let encoding = random_encoding(&grid_positions(image_size / 16), &gaussian.values);
        let positions = KeyPositions::Map(&encoding);
        let block = |i: usize| {
            TwoWayBlock::new(gpu, weights, &format!("{name}.transformer.layers.{i}"), &positions, None, i == 0)
        };
        let upscale = |i: usize| weights.upscale(&format!("{name}.output_upscaling.conv{i}"));
        let mask_channels = upscale(2)?.outputs / 4;
        Ok(Self {
            output_tokens: upload(gpu, &output_tokens, OUTPUT_TOKENS),
            blocks: [block(0)?, block(1)?],
            final_attention: FinalAttention::new(
                gpu,
                weights,
                &format!("{name}.transformer.final_attn_token_to_image"),
                &format!("{name}.transformer.norm_final_attn"),
                &positions,
            )?,
            upscale: [upscale(1)?.upload(gpu), upscale(2)?.upload(gpu)],
            upscale_norm: weights.norm(gpu, &format!("{name}.output_upscaling.norm1"), ENCODER_NORM_EPSILON)?,
            heads: upload(gpu, &heads(weights, mask_channels)?, 1),
            mask_channels,
        })
    }

    /// `image` has a map for each of `batch` sets. The logits of each set's masks and then its scores go to `results`.
    pub fn record(
        &self,
        plan: &mut Recorder,
        sources: &TokenSources,
        image: &Tensor,
        features: &Features,
        [batch, masks]: [usize; 2],
        results: &Tensor,
    ) {
        let dim = self.output_tokens.width;
        let tokens = plan.tensor(sources.rows.rows, dim);
        let parameters = parameters![tokens.rows, dim / 4];
        let inputs = [&self.output_tokens, sources.predicted, sources.manual, sources.rows];
        plan.add((Kernel::Assemble, String::new()), &parameters, &inputs, &[&tokens], [tokens.rows, 1, 1]);

        let pixels = image.rows / batch;
        let side = pixels.isqrt();
        let mut state = State { queries: tokens.clone(), keys: image.clone(), shared: false };
        for block in &self.blocks {
            state = block.record(plan, state, &tokens, batch, [side; 2]);
        }
        let queries = self.final_attention.record(plan, &state, &tokens, batch, [side; 2]);

        let [finest, finer] = &features.high_res;
        let residual = Residual::Map(finer);
        let x =
            plan.linear(&Linear { shuffle: true, residual, ..Linear::new(&state.keys, &self.upscale[0], [side; 2]) });
        let x = plan.norm(&x, &self.upscale_norm, Activation::Gelu);
        let upscaled = plan.linear(&Linear {
            shuffle: true,
            residual: Residual::Map(finest),
            activation: Activation::Gelu,
            activate_last: true,
            ..Linear::new(&x, &self.upscale[1], [2 * side; 2])
        });

        let channels = self.mask_channels;
        let pixels = 16 * pixels;
        let mask_weights = plan.tensor(batch * 4, channels);
        let parameters = parameters![queries.rows / batch, dim, channels, batch * masks * pixels];
        let outputs = [&mask_weights, results];
        let groups = [OUTPUT_TOKENS, batch, 1];
        plan.add((Kernel::Heads, String::new()), &parameters, &[&queries, &self.heads], &outputs, groups);
        let first = usize::from(masks == MULTIMASK);
        let parameters = parameters![pixels, channels / 4, first, masks];
        let groups = [pixels.div_ceil(64), masks, batch];
        plan.add((Kernel::Masks, String::new()), &parameters, &[&upscaled, &mask_weights], &[results], groups);
    }
}

/// The layers of the six heads, one after the other; every last layer padded with zeros to the width of a mask's.
fn heads(weights: &Weights, outputs: usize) -> Result<Vec<f32>, GpuError> {
    let name = "mask_decoder";
    let names = [format!("{name}.pred_obj_score_head"), format!("{name}.iou_prediction_head")].into_iter();
    let mut values = Vec::new();
    for head in names.chain((0..4).map(|i| format!("{name}.output_hypernetworks_mlps.{i}"))) {
        for i in 0..3 {
            let layer = weights.linear(&format!("{head}.layers.{i}"))?;
            let width = if i == 2 { outputs } else { layer.outputs };
            for row in layer.weight.chunks_exact(layer.outputs).chain([layer.bias.as_slice()]) {
                values.extend_from_slice(row);
                values.resize(values.len() + width - layer.outputs, 0.0);
            }
        }
    }
    Ok(values)
}
