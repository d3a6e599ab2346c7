//! Every architecture of Sam2Rad as rows of tables.
//!
//! Three names choose a network: an image encoder, a mask decoder and a prompt predictor (the names of the reference's
//! registries). [`Sam2RadConfig::new`] resolves them. Numbers are those of SAM (`segment_anything/build_sam.py`), SAM 2
//! (`sam2/configs`), MobileSAM and the reference's `build_encoder.py`, `build_decoder.py`, `prompt_learning.py`.

mod image_encoder;
mod mask_decoder;
mod memory;
mod prompt_predictor;

use serde::{Deserialize, Serialize};

pub use image_encoder::{
    Backbone, ConvNetConfig, HieraConfig, IMAGE_ENCODERS, ImageEncoderConfig, TinyVitConfig, VitConfig,
};
pub use mask_decoder::{MASK_DECODERS, MaskDecoderConfig};
pub use memory::{MEMORIES, MemoryConfig};
pub use prompt_predictor::{PROMPT_PREDICTORS, PromptPredictorConfig};

use crate::preprocess::Fit;

/// The three names that choose a network, as a model file and the golden vectors carry them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// A row of [`IMAGE_ENCODERS`], for example `sam2_tiny_hiera_adapter`.
    pub image_encoder: String,
    /// A row of [`MASK_DECODERS`], for example `sam2_lora_mask_decoder`.
    pub mask_decoder: String,
    /// A row of [`PROMPT_PREDICTORS`], for example `sam2_high_res_ppn`.
    pub prompt_predictor: String,
    /// A row of [`MEMORIES`], for example `sam2.1_memory`; `None` where the model cannot track structures through a video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} + {} + {}", self.image_encoder, self.prompt_predictor, self.mask_decoder)?;
        self.memory.as_ref().map_or(Ok(()), |memory| write!(f, " + {memory}"))
    }
}

/// Why three names, an image size and a number of structures do not make a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The name is in no table.
    #[error("there is no {kind} `{name}`; there are: {known}")]
    UnknownName {
        /// What was looked up.
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// All names of that kind.
        known: String,
    },
    /// The parts exist but do not fit together.
    #[error("{part} does not fit the image encoder `{image_encoder}`: {why}; choose {instead}")]
    Mismatch {
        /// The part that does not fit, by name.
        part: String,
        /// The image encoder.
        image_encoder: String,
        /// What differs.
        why: String,
        /// What would fit.
        instead: String,
    },
    /// The image size is not one the network can be built for.
    #[error("the image size {0} is not supported; choose 256, 512 or 1024")]
    ImageSize(usize),
    /// Structures must fit a class map, and tokens a box.
    #[error(
        "{structures} structures with {tokens} prompt tokens: there must be 1 to {MAX_STRUCTURES} structures, with 2 to {MAX_TOKENS} tokens each"
    )]
    Prompts {
        /// Structures asked for.
        structures: usize,
        /// Learnable tokens for each.
        tokens: usize,
    },
}

/// Side of an image-embedding token in input pixels, in every architecture.
pub const PATCH_SIZE: usize = 16;

/// Structures that a class map of bytes has numbers for.
pub const MAX_STRUCTURES: usize = 255;

/// The most prompt tokens that a structure may have; the paper's networks have 10.
pub const MAX_TOKENS: usize = 256;

/// Image sizes the networks are built for, in pixels.
pub const IMAGE_SIZES: [usize; 3] = [256, 512, 1024];

/// Parts of a network that a file may lack. What a file lacks is not built: nothing untrained answers in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parts {
    /// The prompt predictor and the learnt prompts. Without them the network answers in manual mode only.
    pub prompt_predictor: bool,
    /// The mask decoder's object score token and head. Without them nothing is said of a structure's presence.
    pub object_score: bool,
}

impl Default for Parts {
    /// Sam2Rad's: both.
    fn default() -> Self {
        Self { prompt_predictor: true, object_score: true }
    }
}

/// A whole network, resolved: what [`init`](crate::model::Sam2Rad) builds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sam2RadConfig {
    /// The names it was made from.
    pub architecture: Architecture,
    /// The image encoder.
    pub image_encoder: ImageEncoderConfig,
    /// The mask decoder.
    pub mask_decoder: MaskDecoderConfig,
    /// The prompt predictor.
    pub prompt_predictor: PromptPredictorConfig,
    /// The memory of a video's frames.
    pub memory: Option<MemoryConfig>,
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Number of structures (classes), each with prompts of its own.
    pub structures: usize,
    /// Learnable prompt tokens for each structure; 0 where there is no prompt predictor.
    pub tokens: usize,
    /// Which of the parts that a file may lack there are.
    pub parts: Parts,
    /// How a frame that is not square becomes square. SAM 2's own predictor stretches it; the reference's Sam2Rad pads it.
    pub fit: Fit,
    /// Where one mask is asked for and the single-mask token's is not stable, the best of the three others is taken. SAM 2's own
    /// predictor does so; the reference's Sam2Rad does not.
    pub dynamic_multimask_via_stability: bool,
}

impl Sam2RadConfig {
    /// Resolves the names and checks that the parts fit together. The network has all [`Parts`] of Sam2Rad.
    ///
    /// # Errors
    /// [`ConfigError`], naming what to choose instead.
    pub fn new(
        architecture: Architecture,
        image_size: usize,
        structures: usize,
        tokens: usize,
    ) -> Result<Self, ConfigError> {
        let image_encoder = ImageEncoderConfig::by_name(&architecture.image_encoder)?;
        let mask_decoder = row(&MASK_DECODERS, |r| r.name, "mask decoder", &architecture.mask_decoder)?;
        let prompt_predictor = row(&PROMPT_PREDICTORS, |r| r.name, "prompt predictor", &architecture.prompt_predictor)?;
        let memory = architecture.memory.as_deref();
        let memory = memory.map(|name| row(&MEMORIES, |r| r.name, "memory", name)).transpose()?;
        if !IMAGE_SIZES.contains(&image_size) {
            return Err(ConfigError::ImageSize(image_size));
        }
        if !(1..=MAX_STRUCTURES).contains(&structures) || !(2..=MAX_TOKENS).contains(&tokens) {
            return Err(ConfigError::Prompts { structures, tokens });
        }
        let config = Self {
            architecture,
            image_encoder,
            mask_decoder,
            prompt_predictor,
            memory,
            image_size,
            structures,
            tokens,
            parts: Parts::default(),
            fit: Fit::Pad,
            dynamic_multimask_via_stability: false,
        };
        config.check_parts()?;
        Ok(config)
    }

    /// The same network with these parts alone. One of SAM 2 without a prompt predictor takes frames and chooses its mask as SAM 2's
    /// own predictor does.
    pub fn with_parts(self, parts: Parts) -> Self {
        let is_bare = !parts.prompt_predictor;
        let is_sam2 = is_bare && self.mask_decoder.high_res_features;
        Self {
            tokens: if is_bare { 0 } else { self.tokens },
            parts,
            fit: if is_sam2 { Fit::Stretch } else { Fit::Pad },
            dynamic_multimask_via_stability: is_sam2,
            ..self
        }
    }

    fn check_parts(&self) -> Result<(), ConfigError> {
        let is_pyramid = self.image_encoder.backbone.is_pyramid();
        let mismatch = |part: &str, why: &str, instead: &str| {
            Err(ConfigError::Mismatch {
                part: part.into(),
                image_encoder: self.architecture.image_encoder.clone(),
                why: why.into(),
                instead: instead.into(),
            })
        };
        if is_pyramid != self.mask_decoder.high_res_features {
            let instead = if is_pyramid {
                "sam2_mask_decoder or sam2_lora_mask_decoder"
            } else {
                "sam_mask_decoder or lora_mask_decoder"
            };
            return mismatch(
                self.mask_decoder.name,
                "a decoder reads high-resolution features exactly where the encoder is SAM 2's",
                instead,
            );
        }
        if let Some(memory) = self.memory.filter(|_| !matches!(self.image_encoder.backbone, Backbone::Hiera(_))) {
            return mismatch(memory.name, "a memory is SAM 2's, as its encoder", "no memory");
        }
        let channels = match &self.image_encoder.backbone {
            Backbone::Hiera(_) | Backbone::ConvNet(_) => None,
            Backbone::Vit(vit) => Some(vit.embed_dim),
            Backbone::TinyVit(vit) => Some(vit.embed_dims[3]),
        };
        if self.prompt_predictor.depth > 1 && self.prompt_predictor.high_res_channels != channels {
            let fits = |r: &&PromptPredictorConfig| r.depth == 1 || r.high_res_channels == channels;
            let names: Vec<_> = PROMPT_PREDICTORS.iter().filter(fits).map(|r| r.name).collect();
            return mismatch(
                self.prompt_predictor.name,
                "it was made for feature maps of other widths",
                &names.join(" or "),
            );
        }
        Ok(())
    }

    /// Side of the image embedding, in tokens.
    pub fn embedding_size(&self) -> usize {
        self.image_size / PATCH_SIZE
    }

    /// Side of the low-resolution masks, in pixels.
    pub fn low_res_size(&self) -> usize {
        self.image_size / 4
    }

    /// Channels of the finest feature map that the decoder reads; 0 where it reads none.
    pub fn finest_feature_channels(&self) -> usize {
        if self.mask_decoder.high_res_features { self.image_encoder.prompt_embed_dim / 8 } else { 0 }
    }
}

fn row<T: Copy>(
    table: &[T],
    name_of: impl Fn(&T) -> &'static str,
    kind: &'static str,
    name: &str,
) -> Result<T, ConfigError> {
    table.iter().copied().find(|r| name_of(r) == name).ok_or_else(|| ConfigError::UnknownName {
        kind,
        name: name.into(),
        known: table.iter().map(&name_of).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn architecture(image_encoder: &str, mask_decoder: &str, prompt_predictor: &str) -> Architecture {
        Architecture {
            image_encoder: image_encoder.into(),
            mask_decoder: mask_decoder.into(),
            prompt_predictor: prompt_predictor.into(),
            memory: None,
        }
    }

    #[test]
    fn a_predictor_for_other_widths_is_refused_and_the_right_one_named() {
        let error =
            Sam2RadConfig::new(architecture("sam_vit_b", "sam_mask_decoder", "sam_vitl_high_res_ppn"), 512, 1, 10)
                .unwrap_err()
                .to_string();
        assert!(error.contains("sam_vitb_high_res_ppn"), "{error}");
    }

    #[test]
    fn a_memory_is_for_sam_2s_encoders() {
        let with_memory = |encoder, decoder, predictor| {
            let architecture =
                Architecture { memory: Some("sam2.1_memory".into()), ..architecture(encoder, decoder, predictor) };
            Sam2RadConfig::new(architecture, 256, 1, 10)
        };
        assert!(with_memory("micro", "sam2_mask_decoder", "sam2_high_res_ppn").unwrap().memory.is_some());
        let error = with_memory("sam_vit_b", "sam_mask_decoder", "sam_vitb_high_res_ppn").unwrap_err();
        assert!(matches!(error, ConfigError::Mismatch { .. }));
    }

    #[test]
    fn a_decoder_of_the_other_family_is_refused() {
        let error =
            Sam2RadConfig::new(architecture("nano", "sam_mask_decoder", "sam2_high_res_ppn"), 256, 1, 10).unwrap_err();
        assert!(matches!(error, ConfigError::Mismatch { .. }));
    }
}
