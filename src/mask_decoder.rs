//! SAM's and SAM 2's mask decoder (`modeling/mask_decoder.py`): prompts and image features to masks, their predicted IoU and
//! an object score.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, Tensor, activation};

use crate::config::Sam2RadConfig;
use crate::image_encoder::ImageFeatures;
use crate::nn::{
    Activation, ENCODER_NORM_EPSILON, LayerNorm, LayerNormConfig, Mlp, MlpConfig, PointwiseConv, PointwiseConvConfig,
    UpscaleConv, UpscaleConvConfig, gelu,
};
use crate::transformer::{TwoWayConfig, TwoWayTransformer};

/// Masks for an ambiguous prompt, besides the single one.
pub const NUM_MULTIMASK_OUTPUTS: usize = 3;

/// Output tokens before the mask tokens: object score and IoU.
const LEADING_TOKENS: usize = 2;

/// What the decoder says of each set of prompts.
#[derive(Debug, Clone)]
pub struct DecodedMasks {
    /// Mask logits `[n, masks, image_size / 4, image_size / 4]`; `masks` is 1, or 3 for multi-mask output.
    pub low_res_masks: Tensor<4>,
    /// Predicted IoU of each mask, `[n, masks]`.
    pub iou: Tensor<2>,
    /// Logit of "the structure is in the picture", `[n, 1]`.
    pub object_score_logits: Tensor<2>,
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
    obj_score_token: Embedding,
    output_upscaling: OutputUpscaling,
    /// SAM 2: from the neck's finest level, projected once for a frame.
    conv_s0: Option<PointwiseConv>,
    /// SAM 2: from the neck's second level.
    conv_s1: Option<PointwiseConv>,
    output_hypernetworks_mlps: Vec<Mlp>,
    iou_prediction_head: Mlp,
    pred_obj_score_head: Mlp,
    iou_prediction_use_sigmoid: bool,
}

impl MaskDecoder {
    /// Makes the decoder that `config` names.
    pub fn init(config: &Sam2RadConfig, device: &Device) -> Self {
        let dim = config.image_encoder.prompt_embed_dim;
        let row = config.mask_decoder;
        let embedding = |n| EmbeddingConfig::new(n, dim).init(device);
        let mask_tokens = NUM_MULTIMASK_OUTPUTS + 1;
        let projection = |channels| row.high_res_features.then(|| PointwiseConvConfig::new(dim, channels).init(device));
        let transformer =
            TwoWayConfig::new(dim, config.image_encoder.transformer_mlp_dim).with_lora_rank(row.lora_rank);
        Self {
            transformer: transformer.init(device),
            iou_token: embedding(1),
            mask_tokens: embedding(mask_tokens),
            obj_score_token: embedding(1),
            output_upscaling: OutputUpscaling::init(dim, device),
            conv_s0: projection(dim / 8),
            conv_s1: projection(dim / 4),
            output_hypernetworks_mlps: (0..mask_tokens)
                .map(|_| MlpConfig::new(dim, dim, dim / 8, 3).init(device))
                .collect(),
            iou_prediction_head: MlpConfig::new(dim, dim, mask_tokens, 3).init(device),
            pred_obj_score_head: MlpConfig::new(dim, dim, 1, if row.pred_obj_scores_mlp { 3 } else { 1 }).init(device),
            iou_prediction_use_sigmoid: row.high_res_features,
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
    /// the first mask token's, multi-mask output the three others'.
    pub fn forward(
        &self,
        features: &ImageFeatures,
        image_pe: Tensor<4>,
        sparse: Option<Tensor<3>>,
        dense: Tensor<4>,
        multimask_output: bool,
    ) -> DecodedMasks {
        let image = features.image_embedding.clone() + dense;
        let [n, height, width, dim] = image.dims();
        let output_tokens = [&self.obj_score_token, &self.iou_token, &self.mask_tokens].map(|e| e.weight.val());
        let mut tokens = vec![Tensor::cat(output_tokens.to_vec(), 0).unsqueeze::<3>().expand([n as i64, -1, -1])];
        tokens.extend(sparse);
        let (tokens, image) = self.transformer.forward(
            image.reshape([n, height * width, dim]),
            image_pe.reshape([1, height * width, dim]),
            Tensor::cat(tokens, 1),
        );
        let token = |i| tokens.clone().narrow(1, i, 1).squeeze_dim::<2>(1);

        let masks = if multimask_output { 1..NUM_MULTIMASK_OUTPUTS + 1 } else { 0..1 };
        let high_res_features = self.conv_s0.is_some().then(|| features.high_res_features.clone());
        let upscaled = self.output_upscaling.forward(image.reshape([n, height, width, dim]), high_res_features);
        let [_, out_height, out_width, channels] = upscaled.dims();
        let hyper_in: Vec<_> = masks
            .clone()
            .map(|i| self.output_hypernetworks_mlps[i].forward(token(LEADING_TOKENS + i), Activation::Relu))
            .collect();
        let low_res_masks = Tensor::stack::<3>(hyper_in, 1)
            .matmul(upscaled.reshape([n, out_height * out_width, channels]).swap_dims(1, 2))
            .reshape([n, masks.len(), out_height, out_width]);

        let iou = self.iou_prediction_head.forward(token(1), Activation::Relu);
        let iou = if self.iou_prediction_use_sigmoid { activation::sigmoid(iou) } else { iou };
        DecodedMasks {
            low_res_masks,
            iou: iou.narrow(1, masks.start, masks.len()),
            object_score_logits: self.pred_obj_score_head.forward(token(0), Activation::Relu),
        }
    }
}
