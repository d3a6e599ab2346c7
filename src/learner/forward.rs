//! A training step's way through the network: a frame's features and mixed prompts to what the losses compare (the
//! reference's `prompt_sampler.py` and `model.py`).

use burn::tensor::Tensor;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::loss::{Predictions, PredictorPredictions};
use crate::model::{ImageFeatures, ManualPrompts, PredictedPrompts, Sam2Rad};
use crate::nn::{Interpolation, resize};

/// How often each kind of prompt is given while training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptMix {
    /// The prompt predictor's.
    pub learned: f64,
    /// The box around the truth.
    #[serde(rename = "box")]
    pub bounding_box: f64,
    /// The true mask, small; only beside a box or points, and only where the predictor's own is not used.
    pub mask: f64,
    /// One to three clicks, the first on the structure. The reference gives none.
    pub points: f64,
    /// A brush stroke inside the structure: over the predictor's mask, or, where the predictor is not used, over nothing.
    /// The reference gives none.
    pub strokes: f64,
    /// A box's sides are moved by up to this share of its width and height.
    pub box_jitter: f32,
    /// Share of pictures with a second answer, from the same image features, to a person's prompts without the predictor's. Its prompts
    /// are a box, points or a stroke by their own shares here. The reference gives none.
    pub manual: f64,
    /// Answers after the first, at most: each has one more click, in the largest error of the answer before, and that answer's
    /// logits as mask prompt (SAM, arXiv 2304.02643, appendix A, "training algorithm"). How many is drawn. The reference
    /// has none (0).
    pub corrections: usize,
}

impl Default for PromptMix {
    /// The reference's.
    fn default() -> Self {
        Self {
            learned: 0.9,
            bounding_box: 0.5,
            mask: 0.1,
            points: 0.0,
            strokes: 0.0,
            box_jitter: 0.0,
            manual: 0.0,
            corrections: 0,
        }
    }
}

/// The kinds of prompts of one step. At least the predictor's or a box, points or a stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptKinds {
    /// The prompt predictor is asked.
    pub learned: bool,
    /// A box is given.
    pub bounding_box: bool,
    /// A mask is given.
    pub mask: bool,
    /// Points are given.
    pub points: bool,
    /// A brush stroke is given.
    pub strokes: bool,
}

impl PromptKinds {
    /// The learnt prompts alone, as in autonomous mode.
    pub const AUTONOMOUS: Self =
        Self { learned: true, bounding_box: false, mask: false, points: false, strokes: false };
}

impl PromptMix {
    /// Draws the kinds of an answer to a person's prompts alone; `None` where there is to be none.
    pub fn draw_manual(&self, rng: &mut impl Rng) -> Option<PromptKinds> {
        if rng.random::<f64>() >= self.manual {
            return None;
        }
        let without = PromptKinds { learned: false, ..PromptKinds::AUTONOMOUS };
        let left = rng.random::<f64>() * (self.bounding_box + self.points + self.strokes).max(f64::MIN_POSITIVE);
        Some(match left {
            left if left < self.bounding_box => PromptKinds { bounding_box: true, ..without },
            left if left < self.bounding_box + self.points => PromptKinds { points: true, ..without },
            _ => PromptKinds { strokes: true, ..without },
        })
    }

    /// Draws the kinds of a step.
    pub fn draw(&self, rng: &mut impl Rng) -> PromptKinds {
        let mut drawn = |probability: f64| rng.random::<f64>() < probability;
        let [learned, bounding_box, mask, points, strokes] =
            [self.learned, self.bounding_box, self.mask, self.points, self.strokes].map(&mut drawn);
        // A mask alone is no prompt to start from: the reference asks the predictor then.
        PromptKinds { learned: learned || !(bounding_box || points || strokes), bounding_box, mask, points, strokes }
    }
}

/// What the decoder says to one set of prompts for each structure.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the losses compare.
    pub predictions: Predictions,
    /// Mask logits `[structures, image_size / 4, image_size / 4, 1]`.
    pub low_res_masks: Tensor<4>,
}

/// Runs prompt predictor and decoder for all structures of a frame.
///
/// `manual` has an entry for each structure, all with as many points and boxes; empty where no manual prompts are given.
/// Masks come at `loss_size`, a multiple of the decoder's own size or that size itself.
pub fn predict(
    model: &Sam2Rad,
    features: &ImageFeatures,
    learned: bool,
    manual: &[ManualPrompts],
    loss_size: usize,
) -> Predictions {
    let predicted = learned.then(|| model.predict_prompts(features)).flatten();
    answer(model, features, predicted.as_ref(), manual, loss_size).predictions
}

/// Runs the decoder on the predictor's prompts, where it was asked, and a person's, as [`predict`]. A person's mask prompts
/// stand in place of the predictor's.
pub fn answer(
    model: &Sam2Rad,
    features: &ImageFeatures,
    predicted: Option<&PredictedPrompts>,
    manual: &[ManualPrompts],
    loss_size: usize,
) -> Answer {
    let has_masks = manual.iter().any(|prompts| prompts.mask.is_some());
    let manual: Vec<_> = manual.iter().map(|prompts| model.encode_prompts(prompts)).collect();
    let rows = |parts: Vec<Tensor<3>>| (!parts.is_empty()).then(|| Tensor::cat(parts, 0));
    let manual_sparse = rows(manual.iter().filter_map(|embedded| embedded.sparse.clone()).collect());
    let sparse: Vec<_> = predicted.map(|predicted| predicted.sparse.clone()).into_iter().chain(manual_sparse).collect();
    let dense = match predicted {
        Some(predicted) if !has_masks => predicted.dense.clone(),
        _ => Tensor::cat(manual.into_iter().map(|embedded| embedded.dense).collect(), 0),
    };
    let sparse = (!sparse.is_empty()).then(|| Tensor::cat(sparse, 1));
    let decoded = model.decode_masks(features, sparse, dense, false);
    let object_score_logits = decoded.object_score_logits.expect("a network in training has every part");
    let low_res_masks = decoded.low_res_masks.permute([0, 2, 3, 1]);
    let predictions = Predictions {
        masks: at_size(low_res_masks.clone(), loss_size),
        iou: decoded.iou.squeeze_dim(1),
        object_score_logits: object_score_logits.squeeze_dim(1),
        predictor: predicted.map(|predicted| PredictorPredictions {
            boxes: predicted.boxes.clone(),
            interim_masks: at_size(predicted.interim_mask.clone(), loss_size),
        }),
    };
    Answer { predictions, low_res_masks }
}

/// The first channels of the finest feature map, one for each of the `structures` (their numbers in the network), as mask logits
/// `[structures, size * size]`.
pub fn feature_masks(features: &ImageFeatures, structures: &[usize], size: usize) -> Tensor<2> {
    let finest = &features.high_res_features[0];
    let channels = structures.iter().map(|&i| finest.clone().narrow(3, i, 1)).collect();
    at_size(Tensor::cat(channels, 0), size)
}

/// Maps `[n, h, w, 1]` at the side `size`, their pixels in a row: `[n, size * size]`.
fn at_size(maps: Tensor<4>, size: usize) -> Tensor<2> {
    match maps.dims()[1] {
        side if side == size => maps.flatten::<2>(1, 3),
        _ => resize(maps, [size; 2], Interpolation::Bilinear).flatten::<2>(1, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn there_is_always_a_prompt_to_start_from() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mix = PromptMix { learned: 0.1, bounding_box: 0.1, mask: 0.9, points: 0.1, ..PromptMix::default() };
        for _ in 0..1000 {
            let kinds = mix.draw(&mut rng);
            assert!(kinds.learned || kinds.bounding_box || kinds.points || kinds.strokes);
        }
    }

    #[test]
    fn each_structure_is_shown_in_the_channel_of_its_number() {
        use burn::tensor::{Device, TensorData};

        let device = Device::flex();
        // Two by two pixels of three channels; a channel's values are its number.
        let finest = Tensor::from_data(TensorData::new([0.0f32, 1.0, 2.0].repeat(4), [1, 2, 2, 3]), &device);
        let features = ImageFeatures {
            image_embedding: Tensor::zeros([1, 1, 1, 1], &device),
            high_res_features: [finest.clone(), finest],
        };
        for size in [2, 4] {
            let shown: Vec<f32> = feature_masks(&features, &[2, 0], size).into_data().try_into_vec().unwrap();
            let (first, second) = shown.split_at(size * size);
            assert_eq!(first, vec![2.0; size * size]);
            assert_eq!(second, vec![0.0; size * size]);
        }
    }

    #[test]
    fn the_references_mix_asks_the_predictor_at_least_nine_times_in_ten() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let learned = (0..10_000).filter(|_| PromptMix::default().draw(&mut rng).learned).count();
        // 0.9 + 0.1 * 0.5
        assert!((9_400..9_600).contains(&learned), "{learned}");
    }
}
