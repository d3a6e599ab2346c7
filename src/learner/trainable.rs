//! Which weights a training changes.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::checkpoint::ModulePath;
use crate::config::Sam2RadConfig;
use crate::model::Sam2Rad;

/// What is trainable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trainable {
    /// Everything: a network from nothing, or all of a loaded one.
    Scratch,
    /// The paper's: prompt predictor, prompts, adapters, object score token and head, and in a decoder with LoRA the updates, mask
    /// tokens, upscaling and hypernetworks. (The reference leaves a decoder without LoRA as it is; but SAM's own has no object score,
    /// and one that never learns would decide over every mask.)
    Peft,
    /// Prompt predictor, prompts, object score token and head.
    PpnOnly,
    /// Prompt predictor, prompts and the mask decoder, apart from its projections of the encoder's maps.
    Decoder,
}

/// The object score's own weights.
const OBJECT_SCORE: [&str; 2] = ["mask_decoder.obj_score_token.", "mask_decoder.pred_obj_score_head."];
/// What the reference trains in a decoder with LoRA, beside the updates.
const LORA_DECODER: [&str; 3] =
    ["mask_decoder.mask_tokens.", "mask_decoder.output_upscaling.", "mask_decoder.output_hypernetworks_mlps."];
/// Constants among the weights.
const BUFFERS: [&str; 3] = ["positional_encoding_gaussian_matrix", "running_mean", "running_var"];

impl Trainable {
    /// All of them, the one that trains most first.
    pub const ALL: [Self; 4] = [Self::Scratch, Self::Peft, Self::Decoder, Self::PpnOnly];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Peft => "peft",
            Self::PpnOnly => "ppn-only",
            Self::Decoder => "decoder",
        }
    }

    /// Whether the weight of this name (ours, as in a model file) changes.
    pub fn trains(self, config: &Sam2RadConfig, name: &str) -> bool {
        let starts = |parts: &[&str]| parts.iter().any(|part| name.starts_with(part));
        if BUFFERS.iter().any(|buffer| name.ends_with(buffer)) {
            return false;
        }
        let prompts = starts(&["prompt_predictor.", "learnable_prompts"]);
        match self {
            Self::Scratch => true,
            Self::PpnOnly => prompts || starts(&OBJECT_SCORE),
            Self::Decoder => {
                let projections = starts(&["mask_decoder.conv_s0.", "mask_decoder.conv_s1."]);
                prompts || (starts(&["mask_decoder."]) && !projections)
            }
            Self::Peft => {
                let updates = name.contains(".w_a.") || name.contains(".w_b.");
                let decoder = updates || starts(&LORA_DECODER);
                prompts
                    || starts(&OBJECT_SCORE)
                    || starts(&["image_encoder.adapters."])
                    || (config.mask_decoder.lora_rank > 0 && starts(&["mask_decoder."]) && decoder)
            }
        }
    }

    /// Whether a frame's features stay the same while training, so that they are computed once.
    pub fn freezes_features(self, config: &Sam2RadConfig) -> bool {
        match self {
            Self::Scratch => false,
            Self::Peft => !config.image_encoder.adapter,
            Self::PpnOnly | Self::Decoder => true,
        }
    }

    /// The network with gradients for what is trainable and none for the rest.
    pub fn prepare(self, config: &Sam2RadConfig, model: Sam2Rad) -> Sam2Rad {
        model.map(&mut Marker { mode: self, config, path: ModulePath::default() }).train()
    }
}

struct Marker<'a> {
    mode: Trainable,
    config: &'a Sam2RadConfig,
    path: ModulePath,
}

impl ModuleMapper for Marker<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.set_require_grad(self.mode.trains(self.config, &self.path.name()))
    }
}
