//! A checkpoint into a network: format, names, card, image size and every shape are checked against each other before a tensor is
//! read.

use burn::tensor::Device;
use std::collections::{BTreeMap, BTreeSet};

use super::detect::detect_network;
use super::module::load_module;
use super::position_table::{as_picture, is_stretched, stretch};
use super::renamed::Renamed;
use super::{Checkpoint, CheckpointError, Description, Detected, Dtype, KeyMismatch, ModelCard, TensorSource, keys};
use crate::config::{Architecture, Parts, Sam2RadConfig};
use crate::model::Sam2Rad;

/// Prompt tokens of a structure where no number is given: the paper's.
const DEFAULT_TOKENS: usize = 10;

/// What a file does not say for itself.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Side of the input in pixels; what the file says of it where it is `None`.
    pub image_size: Option<usize>,
    /// Structures where the file has no prompts; as many as its card names, or 1, where it is `None`.
    pub structures: Option<usize>,
    /// Which prompts to take from the reference trainer's file where it has several.
    pub dataset: Option<String>,
    /// What a training adds to the file's network.
    pub additions: Option<Additions>,
}

impl LoadOptions {
    /// The file's own, at an image size: 256, 512 or 1024 pixels.
    pub fn at(image_size: usize) -> Self {
        Self { image_size: Some(image_size), ..Self::default() }
    }
}

/// What is added to a file's network, freshly initialised: the parts of Sam2Rad that it lacks, and what is named here.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Additions {
    /// Tokens of prompts that are made.
    pub tokens: usize,
    /// Makes prompts for `structures` in place of the file's own.
    pub fresh_prompts: bool,
    /// The file's network with adapters, LoRA updates or a memory; one without a memory where it names none.
    pub architecture: Option<Architecture>,
}

impl Default for Additions {
    /// The parts of Sam2Rad that the file lacks.
    fn default() -> Self {
        Self { tokens: DEFAULT_TOKENS, fresh_prompts: false, architecture: None }
    }
}

/// A network with its weights.
#[derive(Debug)]
pub struct Loaded {
    /// The network.
    pub model: Sam2Rad,
    /// What it is.
    pub config: Sam2RadConfig,
    /// What its file says of it, or what can be said of a file that says nothing; the image size is that of `config`.
    pub card: ModelCard,
    /// Weights that were [added](Additions) and are therefore freshly initialised.
    pub initialised: Vec<String>,
    /// Whether nothing but the authors' own training says the image size
    /// ([`published_image_size`](Detected::published_image_size)).
    pub is_size_assumed: bool,
}

impl Checkpoint {
    /// Side of the network's input in pixels: the one asked for, else the card's, else that of SAM's position table, else the one at
    /// which the authors published it.
    ///
    /// # Errors
    /// [`CheckpointError::UnknownImageSize`] where none of them says it, or as [`detect`](Self::detect).
    pub fn image_size(&self, asked: Option<usize>) -> Result<usize, CheckpointError> {
        match asked {
            Some(asked) => Ok(asked),
            None => self.image_size_of(&detect_network(self.shapes())?, None),
        }
    }

    fn image_size_of(&self, found: &Detected, asked: Option<usize>) -> Result<usize, CheckpointError> {
        let said = asked.or(self.card.as_ref().map(|card| card.image_size)).or(found.image_size);
        said.or_else(|| found.published_image_size()).ok_or(CheckpointError::UnknownImageSize)
    }

    /// Loads the network.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare), and what the source says of a tensor it cannot read.
    pub fn load(self, options: &LoadOptions, device: &Device) -> Result<Loaded, CheckpointError> {
        let mut weights = self.prepare(options, device)?;
        let module = weights.config.init(device);
        let initialised = std::mem::take(&mut weights.initialised);
        let may_lack = |name: &str| initialised.iter().any(|lacked| lacked == name);
        let (model, _) = load_module(module, &mut weights, &str::to_owned, &|_| false, &may_lack)?;
        let Weights { config, card, is_size_assumed, .. } = weights;
        Ok(Loaded { model, config, card, initialised, is_size_assumed })
    }

    /// Checks the file as a whole, before any tensor is read: what it holds, its card, its image size, every name and shape. Nothing
    /// is computed on `device`.
    ///
    /// # Errors
    /// [`CheckpointError`]: not a checkpoint, an architecture or image size that is not known, a card that does not describe the
    /// weights, tensors that do not fit.
    pub fn prepare(mut self, options: &LoadOptions, device: &Device) -> Result<Weights, CheckpointError> {
        let additions = options.additions.as_ref();
        let fresh_prompts = additions.is_some_and(|additions| additions.fresh_prompts);
        let found = match fresh_prompts {
            true => detect_network(self.shapes())?,
            false => self.detect(options.dataset.as_deref())?,
        };
        let image_size = self.image_size_of(&found, options.image_size)?;
        let is_size_assumed = options.image_size.is_none() && self.card.is_none() && found.image_size.is_none();
        let card = self.card.take();
        if let Some(card) = &card {
            check_card(card, &found)?;
        }
        let named = card.as_ref().map(|card| card.structures.len());
        let structures = found.structures.or(options.structures).or(named).unwrap_or(1);
        let tokens = found.tokens.or(additions.map(|additions| additions.tokens)).unwrap_or(DEFAULT_TOKENS);
        // The file's own network knows its names.
        let file_config = Sam2RadConfig::new(found.architecture.clone(), image_size, structures, tokens)?;
        let mut file_config = file_config.with_parts(found.parts);
        file_config.fit = card.as_ref().and_then(|card| card.fit).unwrap_or(file_config.fit);
        let config = match additions {
            Some(additions) => extend(&file_config, additions.architecture.as_ref(), tokens)?,
            None => file_config.clone(),
        };
        let name_of = |name: &str| match (name, &found.prompts) {
            ("learnable_prompts", Some(prompts)) => prompts.clone(),
            ("learnable_prompts", None) if fresh_prompts => String::new(),
            _ => format!("{}{}", found.prefix, keys::source_name(found.naming, &file_config, name)),
        };
        // What lies outside the prefix (an optimizer's state, say) is not of the network; prompts of other datasets neither.
        let ignored = |name: &str| match name.strip_prefix(&found.prefix) {
            Some(name) => keys::is_ignored(name) || name.contains("learnable_prompts"),
            None => true,
        };
        let is_added = |name: &str| {
            let predictor = keys::is_of_prompt_predictor(name) && !found.parts.prompt_predictor;
            let prompts = name == "learnable_prompts" && found.prompts.is_none();
            let object_score = keys::is_of_object_score(name) && !found.parts.object_score;
            let adapter = name.starts_with("image_encoder.adapters.") && !file_config.image_encoder.adapter;
            let update = name.contains(".w_") && file_config.mask_decoder.lora_rank == 0;
            let memory = name.starts_with("memory.") && file_config.memory.is_none();
            additions.is_some() && (predictor || prompts || object_score || adapter || update || memory)
        };

        let mut mismatch = KeyMismatch::default();
        let mut initialised = Vec::new();
        let mut shapes = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (path, shape) in super::shapes(&config.init(device)) {
            let name = name_of(&path);
            match self.shapes().get(&name) {
                None if is_added(&path) => initialised.push(path),
                None => mismatch.missing.push((name, shape)),
                Some(found) => {
                    if *found != shape && !is_stretched(&config, &path, found, &shape) {
                        mismatch.misshapen.push((name.clone(), found.clone(), shape.clone()));
                    }
                    names.insert(path.clone(), name);
                    shapes.insert(path, shape);
                }
            }
        }
        let used: BTreeSet<&String> = names.values().collect();
        let left_over = self.shapes().keys().filter(|name| !used.contains(name) && !ignored(name));
        mismatch.unexpected = left_over.cloned().collect();
        if !mismatch.is_empty() {
            return Err(CheckpointError::Keys(mismatch));
        }
        let dtype = card.as_ref().map_or(Dtype::F32, |card| card.dtype);
        let card = Description::default().card(&config, card.as_ref(), dtype);
        Ok(Weights { config, card, initialised, is_size_assumed, source: self.source, names, shapes })
    }
}

/// The weights of a file under our names, in the shapes of its network. SAM ViT's position tables are stretched bilinearly where the
/// network is built for another image size (the reference's `resize_pos_embedding`, for the global blocks that the configuration
/// names).
pub struct Weights {
    /// The network.
    pub config: Sam2RadConfig,
    /// As [`Loaded::card`].
    pub card: ModelCard,
    /// As [`Loaded::initialised`].
    pub initialised: Vec<String>,
    /// As [`Loaded::is_size_assumed`].
    pub is_size_assumed: bool,
    source: Renamed,
    /// The source's names by ours.
    names: BTreeMap<String, String>,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl TensorSource for Weights {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let gone = || CheckpointError::Damaged(format!("the tensor `{name}` is gone"));
        let (source_name, shape) = self.names.get(name).zip(self.shapes.get(name)).ok_or_else(gone)?;
        let found = self.source.shapes().get(source_name).cloned().ok_or_else(gone)?;
        let values = self.source.read(source_name)?;
        if values.len() != found.iter().product::<usize>() {
            let why = format!("`{source_name}` has {} values, which do not fill {found:?}", values.len());
            return Err(CheckpointError::Damaged(why));
        }
        match (as_picture(&found), as_picture(shape)) {
            (Some(from), Some(to)) if found != *shape => Ok(stretch(&values, from, to)),
            _ => Ok(values),
        }
    }
}

/// A model file's description must be of its weights.
fn check_card(card: &ModelCard, found: &Detected) -> Result<(), CheckpointError> {
    if card.architecture != found.architecture {
        return Err(CheckpointError::OtherArchitecture {
            found: found.architecture.to_string(),
            expected: card.architecture.to_string(),
        });
    }
    let differs = |what: String| Err(CheckpointError::Metadata(format!("it does not describe the weights: {what}")));
    let Parts { prompt_predictor, object_score } = card.parts;
    if prompt_predictor != found.parts.prompt_predictor {
        return differs(format!("prompt predictor {prompt_predictor} instead of {}", found.parts.prompt_predictor));
    }
    if object_score != found.parts.object_score {
        return differs(format!("object score {object_score} instead of {}", found.parts.object_score));
    }
    match (found.structures, found.tokens) {
        (Some(structures), _) if structures != card.structures.len() => {
            differs(format!("{} structures instead of {structures}", card.structures.len()))
        }
        (_, Some(tokens)) if tokens != card.tokens => differs(format!("{} tokens instead of {tokens}", card.tokens)),
        _ => Ok(()),
    }
}

/// Mask decoders and what they are with LoRA. The object score head of `lora_mask_decoder` is another than that of
/// `sam_mask_decoder`, which is no obstacle where the file has none.
const LORA_DECODERS: [(&str, &str); 3] = [
    ("sam2_mask_decoder", "sam2_lora_mask_decoder"),
    ("merged_lora_mask_decoder", "lora_mask_decoder"),
    ("sam_mask_decoder", "lora_mask_decoder"),
];

/// The network of `config` with all parts of Sam2Rad, and the adapters and LoRA updates of `extended`.
fn extend(
    config: &Sam2RadConfig,
    extended: Option<&Architecture>,
    tokens: usize,
) -> Result<Sam2RadConfig, CheckpointError> {
    let found = &config.architecture;
    let extended = extended.unwrap_or(found);
    let decoders = (found.mask_decoder.as_str(), extended.mask_decoder.as_str());
    let fits = extended.image_encoder.strip_suffix("_adapter").unwrap_or(&extended.image_encoder)
        == found.image_encoder.strip_suffix("_adapter").unwrap_or(&found.image_encoder)
        && extended.image_encoder.len() >= found.image_encoder.len()
        && (decoders.0 == decoders.1 || LORA_DECODERS.contains(&decoders))
        && (extended.prompt_predictor == found.prompt_predictor || !config.parts.prompt_predictor);
    if !fits {
        return Err(CheckpointError::OtherArchitecture { found: found.to_string(), expected: extended.to_string() });
    }
    Ok(Sam2RadConfig::new(extended.clone(), config.image_size, config.structures, tokens)?)
}
