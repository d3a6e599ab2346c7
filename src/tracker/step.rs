//! One frame of a video for one structure (`SAM2Base.track_step`): prompts or memories to a mask, and what is remembered of it.

use burn::tensor::Tensor;

use super::history::{Direction, History};
use crate::config::Sam2RadConfig;
use crate::mask_decoder::{DecodedMasks, stable_masks};
use crate::memory::{FrameMemory, Memory};
use crate::memory_attention::MemoryBank;
use crate::model::{ImageFeatures, ManualPrompts, Sam2Rad};
use crate::nn::{Interpolation, resize};

/// Logits of a mask on which the structure is not.
const NO_OBJ_SCORE: f64 = -1024.0;
/// Logits of a given mask, inside and outside, and of the structure's presence on it.
const GIVEN_LOGIT: f64 = 10.0;
/// A single point may mean several things: with so many or fewer, the best of three masks is taken.
const MULTIMASK_MAX_POINTS: usize = 1;

/// What is known of the frame apart from its picture.
#[derive(Debug, Clone)]
pub enum Given {
    /// Nothing: the structure is followed.
    Nothing,
    /// Points, a box or both, and with a correction the logits of the frame's earlier mask.
    Prompts(ManualPrompts),
    /// The mask itself, zeros and ones `[1, image_size, image_size, 1]`.
    Mask(Tensor<4>),
}

/// A frame to find the structure on.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its place in the video.
    pub frame: usize,
    /// What is known of it.
    pub given: Given,
    /// It is seen by itself, without what is remembered of others: as a frame that is prompted before anything was followed to it.
    pub is_conditioning: bool,
    /// Which way the video is followed.
    pub direction: Direction,
}

/// Choices of SAM 2's video predictor that its model itself leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Postprocessing {
    /// An unstable single mask gives way to the best of three.
    pub dynamic_multimask: bool,
    /// A prompted mask is remembered as what was shown, without its uncertainty.
    pub binarize_prompted: bool,
}

impl Default for Postprocessing {
    /// As the video predictor has it.
    fn default() -> Self {
        Self { dynamic_multimask: true, binarize_prompted: true }
    }
}

/// What was found on a frame.
#[derive(Debug, Clone)]
pub struct StepOutput {
    /// Mask logits `[1, 1, image_size / 4, image_size / 4]`; -1024 all over where the structure is absent.
    pub low_res_masks: Tensor<4>,
    /// Predicted IoU of the mask, `[1, 1]`.
    pub iou: Tensor<2>,
    /// Logit of the structure's presence, `[1, 1]`.
    pub object_score_logits: Tensor<2>,
    /// What is remembered.
    pub memory: FrameMemory,
}

/// What a step computes on its way.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum StepDetail {
    /// What the frame looked at, and its image embedding afterwards, `[1, h, w, dim]`.
    Attended(MemoryBank, Tensor<4>),
    /// The mask as the memory encoder was given it, `[1, image_size, image_size, 1]`, and what it made of it,
    /// `[1, h, w, mem_dim]`.
    Encoded(Tensor<4>, Tensor<4>),
}

/// A model that follows structures.
#[derive(Clone, Copy)]
pub struct Stepper<'a> {
    /// The network.
    pub model: &'a Sam2Rad,
    /// Its memory.
    pub memory: &'a Memory,
    /// What it is.
    pub config: &'a Sam2RadConfig,
    /// What is open to choice.
    pub postprocessing: Postprocessing,
    /// Length of the video, where it is known.
    pub num_frames: Option<usize>,
}

/// A mask and where it comes from, before it is remembered.
struct Found {
    /// `[1, 1, image_size / 4, image_size / 4]`.
    low_res_masks: Tensor<4>,
    /// `[1, image_size, image_size, 1]`.
    high_res_masks: Tensor<4>,
    iou: Tensor<2>,
    object_score_logits: Tensor<2>,
    obj_ptr: Tensor<2>,
}

impl Stepper<'_> {
    /// Finds the structure on a frame with these features ([`Sam2Rad::encode_video_frame`]). `look` is shown what is computed on the
    /// way. Nothing is remembered yet: that is for the caller to decide.
    pub fn step(
        &self,
        features: &ImageFeatures,
        history: &History,
        step: &Step,
        look: &mut dyn FnMut(StepDetail),
    ) -> StepOutput {
        let found = match &step.given {
            Given::Mask(mask) => self.take_mask(features, mask.clone()),
            Given::Prompts(prompts) => self.find(features, history, step, prompts, look),
            Given::Nothing => self.find(features, history, step, &ManualPrompts::default(), look),
        };
        let binarized = self.postprocessing.binarize_prompted && matches!(step.given, Given::Prompts(_));
        let mask = self.memory.mask_for_memory(found.high_res_masks, binarized);
        let encoded = self.memory.encode(features.image_embedding.clone(), mask.clone());
        look(StepDetail::Encoded(mask, encoded.clone()));
        let present = is_present(&found.object_score_logits);
        let memory = FrameMemory { features: self.memory.or_no_object(encoded, present), obj_ptr: found.obj_ptr };
        StepOutput {
            low_res_masks: found.low_res_masks,
            iou: found.iou,
            object_score_logits: found.object_score_logits,
            memory,
        }
    }

    /// The structure from prompts, memories or both.
    fn find(
        &self,
        features: &ImageFeatures,
        history: &History,
        step: &Step,
        prompts: &ManualPrompts,
        look: &mut dyn FnMut(StepDetail),
    ) -> Found {
        let features = if step.is_conditioning {
            self.model.without_memory(features)
        } else {
            let memory = self.config.memory.as_ref().expect("a stepper is made for a model with memory");
            let bank = history.bank(self.memory, memory, step.frame, step.direction, self.num_frames);
            let image_embedding = self.memory.attend(features.image_embedding.clone(), &bank);
            look(StepDetail::Attended(bank, image_embedding.clone()));
            ImageFeatures { image_embedding, high_res_features: features.high_res_features.clone() }
        };
        // The corners of a box are two points.
        let points = prompts.points.len() + if prompts.bounding_box.is_some() { 2 } else { 0 };
        self.decode(&features, prompts, points <= MULTIMASK_MAX_POINTS)
    }

    /// A mask that is given: it is the answer, and the decoder computes only its object pointer.
    fn take_mask(&self, features: &ImageFeatures, mask: Tensor<4>) -> Found {
        let prompts = ManualPrompts { mask: Some(self.memory.mask_prompt(mask.clone())), ..Default::default() };
        let pointer = self.decode(features, &prompts, false).obj_ptr;
        let high_res_masks = mask.clone() * (2.0 * GIVEN_LOGIT) - GIVEN_LOGIT;
        let side = self.config.low_res_size();
        let low_res_masks = resize(high_res_masks.clone(), [side, side], Interpolation::Antialiased);
        let present = mask.max().reshape([1, 1]);
        Found {
            low_res_masks: low_res_masks.permute([0, 3, 1, 2]),
            high_res_masks,
            iou: present.ones_like(),
            object_score_logits: present.clone() * (2.0 * GIVEN_LOGIT) - GIVEN_LOGIT,
            obj_ptr: self.memory.or_no_pointer(pointer, present),
        }
    }

    /// The decoder's answer (`_forward_sam_heads`).
    fn decode(&self, features: &ImageFeatures, prompts: &ManualPrompts, multimask_output: bool) -> Found {
        let embedded = self.model.encode_video_prompts(prompts);
        let decoded = self.model.decode_all_masks(features, embedded);
        // A decoder without an object score takes everything to be there.
        let score = decoded.object_score_logits.clone();
        let score = score.unwrap_or_else(|| decoded.iou.clone().narrow(1, 0, 1).ones_like() * GIVEN_LOGIT);
        let (masks, iou, token) = if multimask_output {
            best_candidate(&decoded)
        } else {
            let single = candidate(&decoded, 0);
            if self.postprocessing.dynamic_multimask {
                // The pointer stays the single mask's.
                let (masks, iou) = stable_masks(decoded.low_res_masks, decoded.iou);
                (masks, iou, single.2)
            } else {
                single
            }
        };
        let absent = score.clone().lower_equal_elem(0.0).reshape([1; 4]).expand(masks.dims());
        let low_res_masks = masks.mask_fill(absent, NO_OBJ_SCORE);
        let size = self.config.image_size;
        Found {
            high_res_masks: resize(low_res_masks.clone().permute([0, 2, 3, 1]), [size, size], Interpolation::Bilinear),
            low_res_masks,
            iou,
            obj_ptr: self.memory.point(token, is_present(&score)),
            object_score_logits: score,
        }
    }
}

/// 1 where the structure is there, else 0.
fn is_present(score: &Tensor<2>) -> Tensor<2> {
    score.zeros_like().mask_fill(score.clone().greater_elem(0.0), 1.0)
}

/// Mask, IoU and token of one of the candidates.
fn candidate(decoded: &DecodedMasks, i: usize) -> (Tensor<4>, Tensor<2>, Tensor<2>) {
    let token = decoded.mask_tokens.clone().narrow(1, i, 1).squeeze_dim(1);
    (decoded.low_res_masks.clone().narrow(1, i, 1), decoded.iou.clone().narrow(1, i, 1), token)
}

/// As [`candidate`], the one of the three with the highest predicted IoU; chosen on the device, which need not be waited for.
fn best_candidate(decoded: &DecodedMasks) -> (Tensor<4>, Tensor<2>, Tensor<2>) {
    let candidates = decoded.iou.dims()[1] - 1;
    let best = decoded.iou.clone().narrow(1, 1, candidates).argmax(1).reshape([1]) + 1;
    let token = decoded.mask_tokens.clone().select(1, best.clone()).squeeze_dim(1);
    (decoded.low_res_masks.clone().select(1, best.clone()), decoded.iou.clone().select(1, best), token)
}
