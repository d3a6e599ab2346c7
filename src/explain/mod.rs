//! A look inside: what the model attends to, expects and sees on its way from a frame to the masks, as pictures and figures.
//!
//! Maps lie on the model's square input, in whose left top corner the frame is; [`Explanation::coverage`] says how much of it
//! the frame takes. All is computed when it is asked for; segmenting pays nothing for it.

mod components;

use burn::tensor::Tensor;
use serde::Serialize;

use crate::segmenter::{Decoded, EncodedFrame, Request, RequestError, Segmenter, read_floats};
pub use components::colors_of_components;

/// Where each prompt token looks at one of the predictor's scales (paper, section 3.2): the cross-attention from tokens to
/// image positions, the mean of the heads.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    /// Rows of image positions.
    pub height: usize,
    /// Columns of image positions.
    pub width: usize,
    /// `[structures, tokens, height, width]`, at least 0; each token's sum to 1.
    pub weights: Vec<f32>,
}

/// What the image encoder distinguishes: similar places have similar colours. The first three principal components of a feature map
/// as red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeaturePicture {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

/// The effect of a prompt token: a structure's mask when the mask decoder does not get the token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenEffect {
    /// The structure, counted from 0.
    pub structure: usize,
    /// The token, counted from 0; the first two are the predicted box's corners.
    pub token: usize,
    /// Overlap (Dice) of the mask without the token with the mask as it is, 0 to 1; 1 is no change. An absent structure's mask
    /// is empty, and two empty masks are alike.
    pub dice: f32,
    /// Predicted IoU without the token, less that with it.
    pub iou_change: f32,
    /// Object score without the token, less that with it; `None` where the model has none.
    pub object_score_change: Option<f32>,
}

/// A look inside the answer to a request. Without a prompt predictor there are the features alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// How much of the maps the frame takes from the left and from the top, each above 0 and at most 1; the rest is padding.
    pub coverage: [f32; 2],
    /// The predictor's scales, coarse to fine: three, or one of the `linear` predictor.
    pub attention: Vec<AttentionMap>,
    /// Where the predictor expects each structure: left, top, right, bottom in pixels of the frame.
    pub predicted_boxes: Vec<[f32; 4]>,
    /// What the predictor takes each structure's mask to be before the decoder draws it: logits
    /// `[structures, image_size / 4, image_size / 4]`.
    pub interim_mask: Vec<f32>,
    /// The image embedding, then the finer and the finest map that the predictor reads.
    pub features: Vec<FeaturePicture>,
    /// For each structure of the request, for each token.
    pub ablation: Vec<TokenEffect>,
}

impl Segmenter {
    /// Looks inside the answer to `request`. The decoder runs once for each token.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn explain(&self, frame: &EncodedFrame, request: &Request) -> Result<Explanation, RequestError> {
        let ablation = self.ablation(frame, request).await?;
        let features = self.features(frame).await?;
        let mut steps = Vec::new();
        let predicted = self.model.predict_prompts_with_steps(&features, &mut |step| steps.push(step.attention));
        let (predicted_boxes, interim_mask) = match predicted {
            Some(predicted) => (self.predicted_boxes(frame).await?, read_floats(predicted.interim_mask).await?),
            None => (Vec::new(), Vec::new()),
        };
        let [finest, finer] = features.high_res_features;
        let maps = [features.image_embedding, finer, finest];
        // The `linear` predictor reads the image embedding alone.
        let sides = maps.clone().map(|map| [map.dims()[1], map.dims()[2]]);
        let mut attention = Vec::new();
        for (weights, [height, width]) in steps.into_iter().zip(sides) {
            attention.push(AttentionMap { height, width, weights: read_floats(weights.mean_dim(1)).await? });
        }
        let [rows, columns] = frame.transform.resized;
        let size = self.config.image_size as f32;
        let coverage = [columns as f32 / size, rows as f32 / size];
        let mut pictures = Vec::new();
        for map in maps {
            pictures.push(feature_picture(map, coverage).await?);
        }
        Ok(Explanation { coverage, attention, predicted_boxes, interim_mask, features: pictures, ablation })
    }

    async fn ablation(&self, frame: &EncodedFrame, request: &Request) -> Result<Vec<TokenEffect>, RequestError> {
        let with_all = self.decode(frame, request).await?;
        let mut effects = Vec::new();
        for token in 0..self.config.tokens {
            let tokens_off = [request.tokens_off.as_slice(), &[token]].concat();
            let without = self.decode(frame, &Request { tokens_off, ..request.clone() }).await?;
            effects.extend(with_all.iter().zip(&without).map(|(with, without)| TokenEffect {
                structure: with.structure,
                token,
                dice: self.dice(frame, with, without),
                iou_change: without.iou - with.iou,
                object_score_change: without.object_score.zip(with.object_score).map(|(without, with)| without - with),
            }));
        }
        effects.sort_by_key(|effect| (effect.structure, effect.token));
        Ok(effects)
    }

    /// Twice the common pixels over the pixels of both masks, on the frame's part of the logits.
    fn dice(&self, frame: &EncodedFrame, a: &Decoded, b: &Decoded) -> f32 {
        let side = self.config.low_res_size();
        let [rows, columns] = frame.transform.resized.map(|extent| extent.div_ceil(4));
        let masks = [a, b].map(|decoded| {
            let present = decoded.present;
            let covered = decoded.logits.chunks_exact(side).take(rows).flat_map(move |row| &row[..columns]);
            covered.map(|&logit| present && logit > 0.0).collect::<Vec<_>>()
        });
        let count = |mask: &[bool]| mask.iter().filter(|&&inside| inside).count();
        let common = masks[0].iter().zip(&masks[1]).filter(|&(&a, &b)| a && b).count();
        match count(&masks[0]) + count(&masks[1]) {
            0 => 1.0,
            both => 2.0 * common as f32 / both as f32,
        }
    }
}

/// `[1, height, width, channels]` as colours.
async fn feature_picture(map: Tensor<4>, coverage: [f32; 2]) -> Result<FeaturePicture, RequestError> {
    let [_, height, width, channels] = map.dims();
    let values = read_floats(map).await?;
    let covered = |side: usize, share: f32| ((side as f32 * share).ceil() as usize).clamp(1, side);
    let frame = [covered(height, coverage[1]), covered(width, coverage[0])];
    Ok(FeaturePicture { height, width, rgb: colors_of_components(&values, [height, width, channels], frame) })
}
