//! The network that a training starts from.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use rand::Rng;

use super::TrainError;
use super::config::TrainConfig;
use super::random::{Purpose, generator};
use crate::checkpoint::{LoadOptions, ModelCard, ModulePath, Structure, TensorSource, load};
use crate::config::Sam2RadConfig;
use crate::model::Sam2Rad;
use crate::preprocess::Normalization;

/// Weights to start from, as they are in a file.
pub struct StartFile {
    /// The file's name, for the model card.
    pub name: String,
    /// Its weights.
    pub source: Box<dyn TensorSource>,
    /// What it says of itself, if it is a model file.
    pub card: Option<ModelCard>,
}

/// A network, ready to be prepared for training.
pub(super) struct Start {
    pub model: Sam2Rad,
    pub network: Sam2RadConfig,
    pub normalization: Normalization,
    /// Where its weights come from.
    pub provenance: String,
}

/// Makes the network for `structures`, on a device without gradients.
pub(super) fn start(
    config: &TrainConfig,
    file: Option<StartFile>,
    structures: &[Structure],
    device: &Device,
) -> Result<Start, TrainError> {
    // Fresh weights come from burn's own generator.
    device.seed(generator(config.seed, Purpose::Weights, 0).random());
    match file {
        Some(file) => from_file(config, file, structures, device),
        None => from_scratch(config, structures, device),
    }
}

fn from_scratch(config: &TrainConfig, structures: &[Structure], device: &Device) -> Result<Start, TrainError> {
    let architecture = config.model.architecture.clone().ok_or_else(|| {
        TrainError::Settings("without a file to start from, [model.architecture] must say which network".into())
    })?;
    let image_size = config.model.image_size.unwrap_or(1024);
    let network = Sam2RadConfig::new(architecture, image_size, structures.len(), config.model.tokens)?;
    Ok(Start {
        model: network.init(device),
        network,
        normalization: Normalization::default(),
        provenance: "trained from random weights".into(),
    })
}

fn from_file(
    config: &TrainConfig,
    mut file: StartFile,
    structures: &[Structure],
    device: &Device,
) -> Result<Start, TrainError> {
    // The prompts of other structures are of no use.
    let names = |structures: &[Structure]| structures.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    let others = file.card.as_ref().is_none_or(|card| names(&card.structures) != names(structures));
    let options = LoadOptions {
        image_size: config.model.image_size.or(file.card.as_ref().map(|card| card.image_size)),
        structures: Some(structures.len()),
        fresh_prompts: others.then_some(config.model.tokens),
        extended: config.model.architecture.clone(),
        ..LoadOptions::default()
    };
    let loaded = load(file.source.as_mut(), &options, device)?;
    let silence = Silence { fresh: &loaded.initialised, path: ModulePath::default() };
    let before = file.card.as_ref().map_or("", |card| card.provenance.as_str());
    let provenance = match before {
        "" => format!("trained from the weights of {}", file.name),
        before => format!("trained from the weights of {} ({before})", file.name),
    };
    Ok(Start {
        model: loaded.model.map(&mut { silence }),
        network: loaded.config,
        normalization: file.card.map(|card| card.normalization).unwrap_or_default(),
        provenance,
    })
}

/// Zeroes the last layer of fresh adapters and LoRA updates, so that the network starts as the file's.
struct Silence<'a> {
    fresh: &'a [String],
    path: ModulePath,
}

impl ModuleMapper for Silence<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let adapter = name.starts_with("image_encoder.adapters.") && name.contains(".up.");
        if self.fresh.contains(&name) && (adapter || name.contains(".w_b.")) {
            return param.map(|weights| weights.zeros_like());
        }
        param
    }
}
