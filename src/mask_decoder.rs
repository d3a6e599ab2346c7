//! SAM's and SAM 2's mask decoder (`modeling/mask_decoder.py`): prompts and image features to masks, their predicted IoU and
//! an object score.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, Tensor, activation};
use std::ops::Range;

use crate::config::Sam2RadConfig;
use crate::image_encoder::ImageFeatures;
use crate::nn::{
    Activation, ENCODER_NORM_EPSILON, LayerNorm, LayerNormConfig, Mlp, MlpConfig, PointwiseConv, PointwiseConvConfig,
    UpscaleConv, UpscaleConvConfig, gelu,
};
use crate::transformer::{TwoWayConfig, TwoWayTransformer};

/// Masks for an ambiguous prompt, besides the single one.
pub const NUM_MULTIMASK_OUTPUTS: usize = 3;

/// How far mask logits are moved up and down to see whether a mask is stable (SAM 2's `dynamic_multimask_stability_delta`).
const STABILITY_DELTA: f64 = 0.05;
/// Overlap of the two moved masks from which a mask is stable (SAM 2's `dynamic_multimask_stability_thresh`).
const STABILITY_THRESHOLD: f64 = 0.98;

/// What the decoder says of each set of prompts.
#[derive(Debug, Clone)]
pub struct DecodedMasks {
    /// Mask logits `[n, masks, image_size / 4, image_size / 4]`; `masks` is 1, or 3 for multi-mask output.
    pub low_res_masks: Tensor<4>,
    /// Predicted IoU of each mask, `[n, masks]`.
    pub iou: Tensor<2>,
    /// What each mask was drawn from, `[n, masks, dim]`: a video's pointers to the structure come from it.
    pub mask_tokens: Tensor<3>,
    /// Logit of "the structure is in the picture", `[n, 1]`; `None` where the decoder has no object score.
    pub object_score_logits: Option<Tensor<2>>,
}

/// Two transposed convolutions: the image embedding to a quarter of the image side.
#[derive(Module, Debug)]
pub struct OutputUpscaling {
    conv1: UpscaleConv,
    norm1: LayerNorm,
    conv2: UpscaleConv,
}

impl OutputUpscaling {
    fn init(dim: usize, device: &Device) -> Self {
        Self {
            conv1: UpscaleConvConfig::new(dim, dim / 4).init(device),
            norm1: LayerNormConfig::new(dim / 4).with_epsilon(ENCODER_NORM_EPSILON).init(device),
            conv2: UpscaleConvConfig::new(dim / 4, dim / 8).init(device),
        }
    }

    /// `[n, h, w, dim]` -> `[n, 4 h, 4 w, dim / 8]`, with the finest and the finer features added on the way.
    fn forward(&self, x: Tensor<4>, high_res_features: Option<[Tensor<4>; 2]>) -> Tensor<4> {
        let (x, finest) = match high_res_features {
            Some([finest, finer]) => (self.conv1.forward(x) + finer, Some(finest)),
            None => (self.conv1.forward(x), None),
        };
        let x = self.conv2.forward(gelu(self.norm1.forward(x)));
        gelu(match finest {
            Some(finest) => x + finest,
            None => x,
        })
    }
}

/// The mask decoder.
#[derive(Module, Debug)]
pub struct MaskDecoder {
    transformer: TwoWayTransformer,
    iou_token: Embedding,
    mask_tokens: Embedding,
    /// The reference adds it to SAM, whose own decoder has none; SAM 2's has one.
    obj_score_token: Option<Embedding>,
    output_upscaling: OutputUpscaling,
    /// SAM 2: from the neck's finest level, projected once for a frame.
    conv_s0: Option<PointwiseConv>,
    /// SAM 2: from the neck's second level.
    conv_s1: Option<PointwiseConv>,
    output_hypernetworks_mlps: Vec<Mlp>,
    iou_prediction_head: Mlp,
    /// Beside its token.
    pred_obj_score_head: Option<Mlp>,
    iou_prediction_use_sigmoid: bool,
    dynamic_multimask_via_stability: bool,
}

impl MaskDecoder {
    /// Makes the decoder that `config` names.
    pub fn init(config: &Sam2RadConfig, device: &Device) -> Self {
        let dim = config.image_encoder.prompt_embed_dim;
        let row = config.mask_decoder;
        let has_object_score = config.parts.object_score;
        let embedding = |n| EmbeddingConfig::new(n, dim).init(device);
        let mask_tokens = NUM_MULTIMASK_OUTPUTS + 1;
        let projection = |channels| row.high_res_features.then(|| PointwiseConvConfig::new(dim, channels).init(device));
        let transformer =
            TwoWayConfig::new(dim, config.image_encoder.transformer_mlp_dim).with_lora_rank(row.lora_rank);
        Self {
            transformer: transformer.init(device),
            iou_token: embedding(1),
            mask_tokens: embedding(mask_tokens),
            obj_score_token: has_object_score.then(|| embedding(1)),
            output_upscaling: OutputUpscaling::init(dim, device),
            conv_s0: projection(dim / 8),
            conv_s1: projection(dim / 4),
            output_hypernetworks_mlps: (0..mask_tokens)
                .map(|_| MlpConfig::new(dim, dim, dim / 8, 3).init(device))
                .collect(),
            iou_prediction_head: MlpConfig::new(dim, dim, mask_tokens, 3).init(device),
            pred_obj_score_head: has_object_score
                .then(|| MlpConfig::new(dim, dim, 1, if row.pred_obj_scores_mlp { 3 } else { 1 }).init(device)),
            iou_prediction_use_sigmoid: row.high_res_features,
            dynamic_multimask_via_stability: config.dynamic_multimask_via_stability,
        }
    }

    /// SAM 2's finest two neck levels `[1, h, w, dim]`, narrowed to what the upscaler adds; SAM's are left as they are.
    pub fn project_high_res_features(&self, [finest, finer]: [Tensor<4>; 2]) -> [Tensor<4>; 2] {
        match (&self.conv_s0, &self.conv_s1) {
            (Some(conv_s0), Some(conv_s1)) => [conv_s0.forward(finest), conv_s1.forward(finer)],
            _ => [finest, finer],
        }
    }

    /// Decodes `n` sets of prompts on one frame.
    ///
    /// `image_pe` is `[1, h, w, dim]`, `sparse` `[n, tokens, dim]` or `None`, `dense` `[n, h, w, dim]`. Single-mask output is
    /// the first mask token's, or what SAM 2 takes in its place ([`Sam2RadConfig::dynamic_multimask_via_stability`]);
    /// multi-mask output the three others'.
    pub fn forward(
        &self,
        features: &ImageFeatures,
        image_pe: Tensor<4>,
        sparse: Option<Tensor<3>>,
        dense: Tensor<4>,
        multimask_output: bool,
    ) -> DecodedMasks {
        let is_chosen = !multimask_output && self.dynamic_multimask_via_stability;
        let masks = match multimask_output {
            true => 1..NUM_MULTIMASK_OUTPUTS + 1,
            false if is_chosen => 0..NUM_MULTIMASK_OUTPUTS + 1,
            false => 0..1,
        };
        let decoded = self.decode(features, image_pe, sparse, dense, masks);
        if !is_chosen {
            return decoded;
        }
        let (low_res_masks, iou) = stable_masks(decoded.low_res_masks, decoded.iou);
        DecodedMasks { low_res_masks, iou, mask_tokens: decoded.mask_tokens.narrow(1, 0, 1), ..decoded }
    }

    /// As [`forward`](Self::forward), the masks of all four mask tokens.
    pub fn forward_all(
        &self,
        features: &ImageFeatures,
        image_pe: Tensor<4>,
        sparse: Option<Tensor<3>>,
        dense: Tensor<4>,
    ) -> DecodedMasks {
        self.decode(features, image_pe, sparse, dense, 0..NUM_MULTIMASK_OUTPUTS + 1)
    }

    fn decode(
        &self,
        features: &ImageFeatures,
        image_pe: Tensor<4>,
        sparse: Option<Tensor<3>>,
        dense: Tensor<4>,
        masks: Range<usize>,
    ) -> DecodedMasks {
        let image = features.image_embedding.clone() + dense;
        let [n, height, width, dim] = image.dims();
        let output_tokens = self.obj_score_token.iter().chain([&self.iou_token, &self.mask_tokens]);
        let output_tokens = output_tokens.map(|embedding| embedding.weight.val()).collect();
        let mut tokens = vec![Tensor::cat(output_tokens, 0).unsqueeze::<3>().expand([n as i64, -1, -1])];
        tokens.extend(sparse);
        let (tokens, image) = self.transformer.forward(
            image.reshape([n, height * width, dim]),
            image_pe.reshape([1, height * width, dim]),
            Tensor::cat(tokens, 1),
        );
        let token = |i| tokens.clone().narrow(1, i, 1).squeeze_dim::<2>(1);
        let iou_token = usize::from(self.obj_score_token.is_some());

        let high_res_features = self.conv_s0.is_some().then(|| features.high_res_features.clone());
        let upscaled = self.output_upscaling.forward(image.reshape([n, height, width, dim]), high_res_features);
        let [_, out_height, out_width, channels] = upscaled.dims();
        let hyper_in: Vec<_> = masks
            .clone()
            .map(|i| self.output_hypernetworks_mlps[i].forward(token(iou_token + 1 + i), Activation::Relu))
            .collect();
        let low_res_masks = Tensor::stack::<3>(hyper_in, 1)
            .matmul(upscaled.reshape([n, out_height * out_width, channels]).swap_dims(1, 2))
            .reshape([n, masks.len(), out_height, out_width]);

        let iou = self.iou_prediction_head.forward(token(iou_token), Activation::Relu);
        let iou = if self.iou_prediction_use_sigmoid { activation::sigmoid(iou) } else { iou };
        let head = self.pred_obj_score_head.as_ref();
        DecodedMasks {
            low_res_masks,
            iou: iou.narrow(1, masks.start, masks.len()),
            mask_tokens: tokens.clone().narrow(1, iou_token + 1 + masks.start, masks.len()),
            object_score_logits: head.map(|head| head.forward(token(0), Activation::Relu)),
        }
    }
}

/// The single-mask token's mask where it is stable, else the best of the others: masks `[n, 4, h, w]` with their IoU `[n, 4]` ->
/// `[n, 1, h, w]` and `[n, 1]` (SAM 2's `_dynamic_multimask_via_stability`).
pub(crate) fn stable_masks(masks: Tensor<4>, iou: Tensor<2>) -> (Tensor<4>, Tensor<2>) {
    let [n, _, height, width] = masks.dims();
    let single = masks.clone().narrow(1, 0, 1);
    let area = |threshold: f64| single.clone().greater_elem(threshold).float().reshape([n, height * width]).sum_dim(1);
    // Two empty masks are alike.
    let overlap = (area(STABILITY_DELTA), area(-STABILITY_DELTA));
    let is_unstable = overlap.0.lower(overlap.1 * STABILITY_THRESHOLD);

    let others = iou.clone().narrow(1, 1, NUM_MULTIMASK_OUTPUTS);
    let best = others.clone().argmax(1);
    let best_iou = others.gather(1, best.clone());
    let best_index = best.reshape([n, 1, 1, 1]).expand([n, 1, height, width]);
    let best_mask = masks.narrow(1, 1, NUM_MULTIMASK_OUTPUTS).gather(1, best_index);
    let chosen_iou = iou.narrow(1, 0, 1).mask_where(is_unstable.clone(), best_iou);
    (single.mask_where(is_unstable.reshape([n, 1, 1, 1]).expand([n, 1, height, width]), best_mask), chosen_iou)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four masks of two pixels, filled with one logit each, and their IoU.
    fn chosen(logits: [[f32; 2]; 4], iou: [f32; 4]) -> ([f32; 2], f32) {
        let device = Device::flex();
        let masks = Tensor::<3>::from_data([[logits[0]], [logits[1]], [logits[2]], [logits[3]]], &device);
        let (mask, iou) = stable_masks(masks.unsqueeze(), Tensor::from_data([iou], &device));
        let mask: Vec<f32> = mask.into_data().try_into_vec().unwrap();
        ([mask[0], mask[1]], iou.into_data().try_into_vec::<f32>().unwrap()[0])
    }

    #[test]
    fn a_stable_single_mask_is_kept_and_an_unstable_one_gives_way_to_the_best() {
        let others = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]];
        let with = |single| chosen([single, others[0], others[1], others[2]], [0.1, 0.5, 0.9, 0.7]);
        assert_eq!(with([4.0, -4.0]), ([4.0, -4.0], 0.1));
        assert_eq!(with([4.0, 0.01]), ([2.0, 2.0], 0.9), "half of the mask goes with a small step");
        assert_eq!(with([-4.0, -4.0]), ([-4.0, -4.0], 0.1), "an empty mask is stable");
        assert_eq!(with([0.01, -4.0]), ([2.0, 2.0], 0.9));
    }
}
