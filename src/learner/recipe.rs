//! The settings of a training, wherever its pictures come from. Defaults are the reference's.

use serde::{Deserialize, Serialize};

use super::{Augmentation, Trainable, forward::PromptMix};
use crate::config::Architecture;

/// A training without its pictures: the same recipe, pictures and weights give the same curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recipe {
    /// What is trainable.
    pub mode: Trainable,
    /// Every random choice follows from it.
    pub seed: u64,
    /// Steps of the optimizer.
    pub steps: usize,
    /// Pictures that a step looks at.
    pub batch_size: usize,
    /// The network.
    pub network: NetworkConfig,
    /// How often each kind of prompt is given.
    pub prompts: PromptMix,
    /// How pictures are changed.
    pub augmentation: Augmentation,
    /// Augmented variants of each picture whose features are computed, where the encoder is frozen.
    pub variants: usize,
    /// What the losses look at.
    pub loss: LossConfig,
    /// How weights move.
    pub optimizer: OptimizerConfig,
    /// How often it logs and validates.
    pub rhythm: Rhythm,
    /// What the model file says of itself.
    pub card: CardConfig,
}

/// Which network is trained, and what a file to start from lacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NetworkConfig {
    /// Needed from scratch; else the file's own, where it is left out. A file may lack adapters and LoRA updates that are asked
    /// for here: they start without effect.
    pub architecture: Option<Architecture>,
    /// Side of the input in pixels; the file's own, or 1024, where it is left out.
    pub image_size: Option<usize>,
    /// Learnable tokens for each structure, where the file has none.
    pub tokens: usize,
    /// Which learnt prompts to start from, where a trainer's checkpoint has several.
    pub dataset: Option<String>,
}

/// How often a training logs and validates, in steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rhythm {
    /// A row of losses.
    pub log_every: usize,
    /// A validation.
    pub validate_every: usize,
    /// Validations without a better Dice after which the training ends; 0 for never.
    pub patience: usize,
}

/// What the losses look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LossConfig {
    /// Side of the masks that are compared: a quarter of the image size or a multiple of that; the image size (the
    /// reference's) where it is left out.
    pub mask_size: Option<usize>,
    /// Weight of the error of the predicted IoU. The reference has none (0): SAM's own weights know it already; a network
    /// from scratch must learn it for the shown confidence to mean something.
    pub iou_weight: f64,
    /// Weight of the masks' Dice loss, beside their focal loss. The reference's is a half.
    pub dice_weight: f64,
    /// Weight of the interim mask's Dice loss, beside its focal loss. The reference has none (0). The interim mask is the shortest
    /// way from the loss to the image encoder: one that is not trained yet learns from it first.
    pub interim_dice_weight: f64,
    /// Weight of a mask loss on the image features themselves: the first channels of the finest map are taught to be the
    /// structures' logits (deep supervision, Lee et al., arXiv 1409.5185). Needs no weights of its own. The reference has none
    /// (0). An encoder that starts from nothing learns by it as a plain U-Net does, before the decoder can read it.
    pub deep_supervision: f64,
}

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101) with a warm-up and a cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct OptimizerConfig {
    /// Learning rate at its highest.
    pub learning_rate: f64,
    /// Learning rate at the end.
    pub final_learning_rate: f64,
    /// Steps in which it rises from 0.
    pub warm_up_steps: usize,
    /// Weight decay, decoupled, of every trained weight.
    pub weight_decay: f64,
    /// The norm of all gradients together is at most this; 0 for no bound.
    pub clip_norm: f64,
    /// Decay of the moving average of the weights that is validated and written; 0 for the weights themselves.
    pub average_decay: f64,
}

/// What the model file says of itself, beside what is known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CardConfig {
    /// Under which licence the weights are.
    pub licence: String,
    /// What they were trained on, in place of the data's own description.
    pub training_data: String,
    /// The day, `YYYY-MM-DD`; today where it is left out.
    pub date: String,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self { mask_size: None, iou_weight: 0.0, dice_weight: 0.5, interim_dice_weight: 0.0, deep_supervision: 0.0 }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            learning_rate: 1e-4,
            final_learning_rate: 1e-5,
            warm_up_steps: 0,
            weight_decay: 0.1,
            clip_norm: 0.0,
            average_decay: 0.0,
        }
    }
}

impl Recipe {
    /// The learning rate of a step, counted from 0: a line up, then a cosine down (Loshchilov and Hutter, arXiv 1608.03983).
    pub fn learning_rate(&self, step: usize) -> f64 {
        let optimizer = &self.optimizer;
        let warm_up = optimizer.warm_up_steps;
        if step < warm_up {
            return optimizer.learning_rate * (step + 1) as f64 / warm_up as f64;
        }
        let share = (step - warm_up) as f64 / self.steps.saturating_sub(warm_up).max(1) as f64;
        let swing = (optimizer.learning_rate - optimizer.final_learning_rate) / 2.0;
        optimizer.final_learning_rate + swing * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos())
    }
}
