//! The network that a training starts from.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use rand::Rng;

use super::TrainError;
use super::config::TrainConfig;
use super::random::{Purpose, generator};
use crate::checkpoint::{Additions, Checkpoint, LoadOptions, ModulePath, Structure};
use crate::config::Sam2RadConfig;
use crate::model::Sam2Rad;
use crate::preprocess::Normalization;

/// Weights to start from, as they are in a file.
pub struct StartFile {
    /// The file's name, for the model card.
    pub name: String,
    /// Its weights, and what it says of itself.
    pub checkpoint: Checkpoint,
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
    file: StartFile,
    structures: &[Structure],
    device: &Device,
) -> Result<Start, TrainError> {
    let checkpoint = file.checkpoint;
    let known = checkpoint.card().cloned();
    // The prompts of other structures are of no use. Those that were asked for by name are taken.
    let names = |structures: &[Structure]| structures.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    let others = known.as_ref().is_none_or(|card| names(&card.structures) != names(structures));
    let dataset = config.model.dataset.clone();
    let options = LoadOptions {
        image_size: config.model.image_size,
        structures: Some(structures.len()),
        additions: Some(Additions {
            tokens: config.model.tokens,
            fresh_prompts: others && dataset.is_none(),
            architecture: config.model.architecture.clone(),
        }),
        dataset,
    };
    let loaded = checkpoint.load(&options, device)?;
    if loaded.config.structures != structures.len() {
        return Err(TrainError::Settings(format!(
            "the prompts of `model.dataset` are for {} structures, and the pictures have {}; leave it out to make fresh ones",
            loaded.config.structures,
            structures.len()
        )));
    }
    let silence = Silence { fresh: &loaded.initialised, path: ModulePath::default() };
    let before = known.as_ref().map_or("", |card| card.provenance.as_str());
    let provenance = match before {
        "" => format!("trained from the weights of {}", file.name),
        before => format!("trained from the weights of {} ({before})", file.name),
    };
    Ok(Start {
        model: loaded.model.map(&mut { silence }),
        network: loaded.config,
        normalization: loaded.card.normalization,
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
