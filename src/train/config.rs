//! The settings of a training, as TOML. Defaults are the reference's; `EXAMPLE` is a commented file for a network from nothing.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::TrainError;
use crate::config::Architecture;
use crate::learner::{
    Augmentation, CardConfig, LossConfig, NetworkConfig, OptimizerConfig, PromptMix, Recipe, Rhythm, Trainable,
};
use crate::phantom::{Preset, Ranges};

/// A commented configuration, ready to run.
pub const EXAMPLE: &str = include_str!("example.toml");

/// A training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainConfig {
    /// What is trainable.
    #[serde(default = "default_mode")]
    pub mode: Trainable,
    /// Every random choice follows from it: the same seed gives the same curve.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Steps of the optimizer.
    pub steps: usize,
    /// Pictures that a step looks at.
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// The network and where its weights start.
    pub model: ModelConfig,
    /// The pictures.
    pub data: DataConfig,
    /// How often each kind of prompt is given.
    #[serde(default)]
    pub prompts: PromptMix,
    /// How pictures are changed.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// The most memory that training pictures may take, in GB: 4 bytes for each pixel of the network's input.
    #[serde(default = "default_picture_memory_gb")]
    pub picture_memory_gb: f64,
    /// Kept image features, where the encoder is frozen.
    #[serde(default)]
    pub features: FeatureConfig,
    /// What the losses look at.
    #[serde(default)]
    pub loss: LossConfig,
    /// How weights move.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// What is written, and how often.
    #[serde(default)]
    pub report: ReportConfig,
    /// What the model file says of itself.
    #[serde(default)]
    pub card: CardConfig,
}

/// The network and where its weights start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelConfig {
    /// `scratch`, or a model file or checkpoint to start from.
    pub init: String,
    /// The network. Needed from scratch; else the file's own, where it is left out. A file may lack adapters and LoRA
    /// updates that are asked for here: they start without effect.
    pub architecture: Option<Architecture>,
    /// Side of the input in pixels; the file's own, or 1024, where it is left out.
    pub image_size: Option<usize>,
    /// Learnable tokens for each structure, where the file has none.
    #[serde(default = "default_tokens")]
    pub tokens: usize,
    /// Which learnt prompts to start from, where a trainer's checkpoint has several.
    #[serde(default)]
    pub dataset: Option<String>,
}

/// The pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "lowercase")]
#[non_exhaustive]
pub enum DataConfig {
    /// Simulated ultrasound, made on the fly.
    Phantom(PhantomData),
    /// Labelled pictures in the reference's folder layout.
    Folder(FolderData),
    /// Several of both, drawn by their shares; structures of one name are one structure.
    Mix(MixData),
}

impl DataConfig {
    /// Whether every picture is seen again, round after round.
    pub fn comes_again(&self) -> bool {
        match self {
            Self::Phantom(phantom) => !phantom.fresh,
            Self::Folder(_) => true,
            Self::Mix(mix) => mix.sources.iter().all(|source| source.data.comes_again()),
        }
    }
}

/// Several sources of pictures. Each picture teaches the structures of its own source alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixData {
    /// Where pictures come from.
    pub sources: Vec<MixSource>,
}

/// A source among several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixSource {
    /// How often a picture is drawn from it, beside the others' shares.
    #[serde(default = "default_share")]
    pub share: f64,
    /// The pictures.
    #[serde(flatten)]
    pub data: DataConfig,
}

/// Simulated pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhantomData {
    /// The scene.
    pub preset: Preset,
    /// The machines.
    #[serde(default = "default_ranges")]
    pub ranges: Ranges,
    /// How many pictures there are; after the last one they come again in another order.
    pub count: usize,
    /// Picture `i` has this seed plus `i`.
    pub first_seed: u64,
    /// Pictures to validate on.
    pub validation_count: usize,
    /// Validation picture `i` has this seed plus `i`.
    pub validation_first_seed: u64,
    /// New pictures (further seeds) instead of the same again after the last one.
    #[serde(default)]
    pub fresh: bool,
}

/// Pictures from a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderData {
    /// The folder: `Train/imgs`, `Train/gts`, and, if there is a test set, `Test/imgs`, `Test/gts`.
    pub folder: PathBuf,
    /// Names of the structures by their class ids, where the folder's `dataset.json` does not name them.
    #[serde(default)]
    pub structures: Vec<String>,
    /// Where the pictures come from, for the model card, where `dataset.json` does not say it.
    #[serde(default)]
    pub provenance: String,
    /// At most so many pictures of `Train`, drawn by the seed; all where it is left out.
    pub limit: Option<usize>,
    /// Share of those pictures that is kept for validation.
    #[serde(default = "default_validation_share")]
    pub validation_share: f64,
    /// File names to leave out of training and to validate on, instead of a share.
    #[serde(default)]
    pub validation_names: Vec<String>,
}

/// Kept image features, where the encoder is frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct FeatureConfig {
    /// Augmented variants of each picture.
    pub variants: usize,
    /// Where they are kept, so that several trainings can share them; `features` in the output folder where it is left out.
    pub folder: Option<PathBuf>,
    /// The most that they may take on disk, in GB.
    pub max_gb: f64,
}

/// What is written, and how often, in steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ReportConfig {
    /// A row of losses in the table.
    pub log_every: usize,
    /// A validation, overlays and the plot.
    pub validate_every: usize,
    /// A checkpoint to resume from.
    pub checkpoint_every: usize,
    /// Validation pictures painted each time.
    pub overlays: usize,
    /// Validations without a better Dice after which the training ends; 0 for never.
    pub patience: usize,
}

fn default_picture_memory_gb() -> f64 {
    16.0
}

fn default_share() -> f64 {
    1.0
}

fn default_mode() -> Trainable {
    Trainable::Peft
}

fn default_seed() -> u64 {
    1
}

fn default_batch_size() -> usize {
    4
}

fn default_tokens() -> usize {
    10
}

fn default_ranges() -> Ranges {
    Ranges::Standard
}

fn default_validation_share() -> f64 {
    0.2
}

impl Default for FeatureConfig {
    fn default() -> Self {
        Self { variants: 8, folder: None, max_gb: 50.0 }
    }
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self { log_every: 20, validate_every: 500, checkpoint_every: 500, overlays: 4, patience: 0 }
    }
}

impl ModelConfig {
    /// The network that a file has, or `scratch`.
    pub fn new(init: impl Into<String>) -> Self {
        Self { init: init.into(), architecture: None, image_size: None, tokens: default_tokens(), dataset: None }
    }
}

impl TrainConfig {
    /// A training with the defaults of the file's keys.
    pub fn new(steps: usize, model: ModelConfig, data: DataConfig) -> Self {
        Self {
            mode: default_mode(),
            seed: default_seed(),
            steps,
            batch_size: default_batch_size(),
            model,
            data,
            prompts: PromptMix::default(),
            augmentation: Augmentation::default(),
            picture_memory_gb: default_picture_memory_gb(),
            features: FeatureConfig::default(),
            loss: LossConfig::default(),
            optimizer: OptimizerConfig::default(),
            report: ReportConfig::default(),
            card: CardConfig::default(),
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Config`].
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = std::fs::read_to_string(path).map_err(TrainError::io(path))?;
        Self::parse(&text).map_err(|why| TrainError::Config { path: path.into(), why })
    }

    /// Parses and checks TOML; what is wrong, otherwise.
    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let positive = [
            ("steps", self.steps),
            ("batch_size", self.batch_size),
            ("features.variants", self.features.variants),
            ("report.log_every", self.report.log_every),
            ("report.validate_every", self.report.validate_every),
            ("report.checkpoint_every", self.report.checkpoint_every),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{name}` is 0; it must be at least 1"));
        }
        let (mix, augmentation) = (&self.prompts, &self.augmentation);
        let probabilities = [
            ("prompts.learned", mix.learned),
            ("prompts.box", mix.bounding_box),
            ("prompts.mask", mix.mask),
            ("prompts.points", mix.points),
            ("prompts.strokes", mix.strokes),
            ("prompts.manual", mix.manual),
            ("prompts.box_jitter", f64::from(mix.box_jitter)),
            ("augmentation.affine_p", augmentation.affine_p),
            ("augmentation.flip_p", augmentation.flip_p),
            ("augmentation.crop_p", augmentation.crop_p),
            ("augmentation.centred_crop_p", augmentation.centred_crop_p),
            ("augmentation.depth_p", augmentation.depth_p),
            ("augmentation.gain_p", augmentation.gain_p),
            ("augmentation.gamma_p", augmentation.gamma_p),
            ("augmentation.speckle_p", augmentation.speckle_p),
            ("augmentation.shadow_p", augmentation.shadow_p),
            ("augmentation.elastic_p", augmentation.elastic_p),
            ("augmentation.blur_p", augmentation.blur_p),
            ("augmentation.frame_p", augmentation.frame_p),
            ("augmentation.crop_min", f64::from(augmentation.crop_min)),
            ("augmentation.centred_crop_min", f64::from(augmentation.centred_crop_min)),
            ("augmentation.shadow_depth", f64::from(augmentation.shadow_depth)),
            ("optimizer.average_decay", self.optimizer.average_decay),
        ];
        if let Some((name, value)) = probabilities.iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            return Err(format!("`{name}` is {value}; it must be from 0 to 1"));
        }
        for (name, value) in [("crop_min", augmentation.crop_min), ("centred_crop_min", augmentation.centred_crop_min)]
        {
            if value < 0.1 {
                return Err(format!("`augmentation.{name}` is {value}; it must be at least 0.1"));
            }
        }
        for (name, value) in [
            ("crop_max", augmentation.crop_max),
            ("gamma_max", augmentation.gamma_max),
            ("depth_factor", augmentation.depth_factor),
        ] {
            if !(value >= 1.0 && value.is_finite()) {
                return Err(format!("`augmentation.{name}` is {value}; it must be at least 1"));
            }
        }
        if let DataConfig::Mix(mix) = &self.data {
            if mix.sources.is_empty() {
                return Err("`data.sources` is empty: name at least one with [[data.sources]]".into());
            }
            if mix.sources.iter().any(|source| matches!(source.data, DataConfig::Mix(_))) {
                return Err("a source of a mix is a mix itself; list its sources beside the others".into());
            }
            if let Some(source) = mix.sources.iter().find(|source| !(source.share > 0.0 && source.share.is_finite())) {
                return Err(format!("a source's `share` is {}; it must be more than 0", source.share));
            }
        }
        let optimizer = &self.optimizer;
        if !(optimizer.learning_rate > 0.0 && optimizer.learning_rate.is_finite()) {
            return Err(format!("`optimizer.learning_rate` is {}; it must be more than 0", optimizer.learning_rate));
        }
        if self.model.init == "scratch" && self.model.architecture.is_none() {
            return Err("`model.init` is \"scratch\": say with [model.architecture] which network".into());
        }
        Ok(())
    }

    /// What of it is the learner's own: all but where things are and what is written.
    pub(super) fn recipe(&self) -> Recipe {
        Recipe {
            mode: self.mode,
            seed: self.seed,
            steps: self.steps,
            batch_size: self.batch_size,
            network: NetworkConfig {
                architecture: self.model.architecture.clone(),
                image_size: self.model.image_size,
                tokens: self.model.tokens,
                dataset: self.model.dataset.clone(),
            },
            prompts: self.prompts,
            augmentation: self.augmentation.clone(),
            variants: self.features.variants,
            loss: self.loss.clone(),
            optimizer: self.optimizer.clone(),
            rhythm: Rhythm {
                log_every: self.report.log_every,
                validate_every: self.report.validate_every,
                patience: self.report.patience,
            },
            card: self.card.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_valid_configuration() {
        let config = TrainConfig::parse(EXAMPLE).unwrap();
        assert_eq!(config.mode, Trainable::Scratch);
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = TrainConfig::parse(&EXAMPLE.replace("batch_size =", "batchsize =")).unwrap_err();
        assert!(error.contains("batchsize"), "{error}");
        let error = TrainConfig::parse(&EXAMPLE.replace("warm_up_steps =", "warmup =")).unwrap_err();
        assert!(error.contains("warmup"), "{error}");
        let error = TrainConfig::parse(&EXAMPLE.replace("first_seed =", "seeds =")).unwrap_err();
        assert!(error.contains("seeds"), "{error}");
    }

    #[test]
    fn a_mix_names_several_sources_with_shares() {
        let (before, after) = EXAMPLE.split_once("[data]").unwrap();
        let after = &after[after.find("[prompts]").unwrap()..];
        let mix = |share: f64| {
            format!(
                "{before}[data]\nsource = \"mix\"\n\
                 [[data.sources]]\nshare = {share}\nsource = \"folder\"\nfolder = \"hips\"\n\
                 structures = [\"ilium\"]\n{after}"
            )
        };
        let config = TrainConfig::parse(&mix(2.5)).unwrap();
        let DataConfig::Mix(found) = config.data else { panic!("{:?}", config.data) };
        assert_eq!(found.sources[0].share, 2.5);
        assert!(matches!(&found.sources[0].data, DataConfig::Folder(folder) if folder.structures == ["ilium"]));
        let error = TrainConfig::parse(&mix(0.0)).unwrap_err();
        assert!(error.contains("share"), "{error}");
    }

    #[test]
    fn a_probability_beyond_one_is_refused() {
        let error = TrainConfig::parse(&EXAMPLE.replace("flip_p = 0.3", "flip_p = 30")).unwrap_err();
        assert!(error.contains("augmentation.flip_p"), "{error}");
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let mut config = TrainConfig::parse(EXAMPLE).unwrap();
        config.steps = 110;
        config.optimizer =
            OptimizerConfig { learning_rate: 1.0, final_learning_rate: 0.1, warm_up_steps: 10, ..config.optimizer };
        let rate = |step| config.recipe().learning_rate(step);
        assert_eq!(rate(0), 0.1);
        assert_eq!(rate(9), 1.0);
        assert!((rate(60) - 0.55).abs() < 1e-12);
        assert!((rate(110) - 0.1).abs() < 1e-12);
    }
}
