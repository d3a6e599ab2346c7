//! The network that a training starts from.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Tensor};
use rand::Rng;

use super::LearnError;
use super::random::{Purpose, generator};
use super::recipe::Recipe;
use crate::checkpoint::{Additions, Checkpoint, LoadOptions, ModulePath};
use crate::config::Sam2RadConfig;
use crate::model::Sam2Rad;
use crate::preprocess::Normalization;
use crate::segmenter::Calibration;
use crate::structure::Structure;

/// What fresh prompts are drawn from, as those of a network from nothing.
const FRESH_PROMPT: Distribution = Distribution::Normal(0.0, 1.0 / 16.0);

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
    /// Of the file, where it is the same structures'.
    pub calibration: Option<Calibration>,
    /// Where its weights come from.
    pub provenance: String,
}

/// Makes the network for `structures`, on a device without gradients.
pub(super) fn start(
    recipe: &Recipe,
    file: Option<StartFile>,
    structures: &[Structure],
    device: &Device,
) -> Result<Start, LearnError> {
    // Fresh weights come from burn's own generator.
    device.seed(generator(recipe.seed, Purpose::Weights, 0).random());
    match file {
        Some(file) => from_file(recipe, file, structures, device),
        None => from_scratch(recipe, structures, device),
    }
}

fn from_scratch(recipe: &Recipe, structures: &[Structure], device: &Device) -> Result<Start, LearnError> {
    let architecture = recipe.network.architecture.clone().ok_or_else(|| {
        LearnError::Settings("without a file to start from, [model.architecture] must say which network".into())
    })?;
    let image_size = recipe.network.image_size.unwrap_or(1024);
    let network = Sam2RadConfig::new(architecture, image_size, structures.len(), recipe.network.tokens)?;
    Ok(Start {
        model: network.init(device),
        network,
        normalization: Normalization::default(),
        calibration: None,
        provenance: "trained from random weights".into(),
    })
}

fn from_file(recipe: &Recipe, file: StartFile, structures: &[Structure], device: &Device) -> Result<Start, LearnError> {
    let checkpoint = file.checkpoint;
    let known = checkpoint.card().cloned();
    // Structures that the file knows by name keep their prompts; prompts of others are of no use. Those that were asked for by
    // their dataset's name are taken as they are.
    let rows: Vec<Option<usize>> = match &known {
        Some(card) => {
            structures.iter().map(|s| card.structures.iter().position(|known| known.name == s.name)).collect()
        }
        None => vec![None; structures.len()],
    };
    let same = known.as_ref().is_some_and(|card| card.structures.len() == structures.len())
        && rows.iter().enumerate().all(|(i, row)| *row == Some(i));
    let has_known = rows.iter().any(Option::is_some);
    let dataset = recipe.network.dataset.clone();
    let options = LoadOptions {
        image_size: recipe.network.image_size,
        structures: Some(structures.len()),
        additions: Some(Additions {
            tokens: recipe.network.tokens,
            fresh_prompts: !has_known && dataset.is_none(),
            architecture: recipe.network.architecture.clone(),
        }),
        dataset,
    };
    let mut loaded = checkpoint.load(&options, device)?;
    if has_known && !same {
        loaded.model = loaded.model.map(&mut Prompts { rows: &rows, path: ModulePath::default() });
        loaded.config.structures = structures.len();
    }
    if loaded.config.structures != structures.len() {
        return Err(LearnError::Settings(format!(
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
        calibration: known.and_then(|card| card.calibration).filter(|_| same),
        normalization: loaded.card.normalization,
        provenance,
    })
}

/// Takes the prompts of some structures from those of a file, and makes fresh ones for the others.
struct Prompts<'a> {
    /// Which of the file's each structure is.
    rows: &'a [Option<usize>],
    path: ModulePath,
}

impl ModuleMapper for Prompts<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.name() != "learnable_prompts" {
            return param;
        }
        param.map(|prompts| {
            let row = |row: &Option<usize>| match row {
                Some(row) => prompts.clone().narrow(0, *row, 1),
                None => prompts.clone().narrow(0, 0, 1).random_like(FRESH_PROMPT),
            };
            Tensor::cat(self.rows.iter().map(row).collect(), 0)
        })
    }
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
