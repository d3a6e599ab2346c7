//! Weights from a source into a module, one tensor at a time, without initialising it first.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use std::collections::{BTreeMap, BTreeSet};

use super::{CheckpointError, Detected, KeyMismatch, TensorSource, detect, keys};
use crate::config::{Architecture, Backbone, Sam2RadConfig};
use crate::model::Sam2Rad;
use crate::resample::{Taps, resize_plane};

/// What a file does not say for itself.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Which network the file must hold; taken from the file where it is `None`.
    pub architecture: Option<Architecture>,
    /// Side of the input in pixels; the file's own, or 1024, where it is `None`.
    pub image_size: Option<usize>,
    /// Structures to make prompts for where the file has none; 1 where it is `None`.
    pub structures: Option<usize>,
    /// Which prompts to take from the reference trainer's file where it has several.
    pub dataset: Option<String>,
    /// Makes fresh prompts of this many tokens for `structures`, whatever the file has.
    pub fresh_prompts: Option<usize>,
    /// A network that is the file's with adapters, LoRA updates or both added: these are freshly initialised.
    pub extended: Option<Architecture>,
}

/// A network with its weights.
#[derive(Debug)]
pub struct Loaded {
    /// The network.
    pub model: Sam2Rad,
    /// What it is.
    pub config: Sam2RadConfig,
    /// Weights that an official checkpoint lacks and that are therefore freshly initialised.
    pub initialised: Vec<String>,
}

/// Finds out what `source` holds and loads it.
///
/// # Errors
/// [`CheckpointError`]: not a checkpoint, another architecture, keys that do not fit, damage.
pub fn load(source: &mut dyn TensorSource, options: &LoadOptions, device: &Device) -> Result<Loaded, CheckpointError> {
    let Detected { naming, prefix, architecture, image_size, structures, tokens, prompts } =
        detect(source.shapes(), options.dataset.as_deref())?;
    if let Some(expected) = options.architecture.as_ref().filter(|expected| **expected != architecture) {
        return Err(CheckpointError::OtherArchitecture {
            found: architecture.to_string(),
            expected: expected.to_string(),
        });
    }
    let image_size = options.image_size.or(image_size).unwrap_or(1024);
    let (structures, tokens) = match options.fresh_prompts {
        Some(tokens) => (options.structures, Some(tokens)),
        None => (structures.or(options.structures), tokens),
    };
    let [structures, tokens] = [structures.unwrap_or(1), tokens.unwrap_or(10)];
    // The file's own network knows its names.
    let file_config = Sam2RadConfig::new(architecture, image_size, structures, tokens)?;
    let config = match &options.extended {
        Some(extended) => extend(&file_config, extended)?,
        None => file_config.clone(),
    };
    let name_of = |name: &str| match (name, &prompts) {
        ("learnable_prompts", _) if options.fresh_prompts.is_some() => String::new(),
        ("learnable_prompts", Some(prompts)) => prompts.clone(),
        _ => format!("{prefix}{}", keys::source_name(naming, &file_config, name)),
    };
    let mut source = StretchedTables::new(source, &config, &name_of);
    // What lies outside the prefix (an optimizer's state, say) is not of the network; prompts of other datasets neither.
    let ignored = |name: &str| match name.strip_prefix(&prefix) {
        Some(name) => keys::is_ignored(name) || name.contains("learnable_prompts"),
        None => true,
    };
    let may_lack = |name: &str| {
        let fresh_prompts = name == "learnable_prompts" && options.fresh_prompts.is_some();
        let adapter = name.starts_with("image_encoder.adapters.") && !file_config.image_encoder.adapter;
        let update = name.contains(".w_") && file_config.mask_decoder.lora_rank == 0;
        keys::is_added_to(naming, name) || fresh_prompts || adapter || update
    };
    let (model, initialised) = load_module(config.init(device), &mut source, &name_of, &ignored, &may_lack)?;
    Ok(Loaded { model, config, initialised })
}

/// Mask decoders and what they are with LoRA. The object score head of `lora_mask_decoder` is another than that of
/// `sam_mask_decoder`, which is no obstacle where the file has none.
const LORA_DECODERS: [(&str, &str); 3] = [
    ("sam2_mask_decoder", "sam2_lora_mask_decoder"),
    ("merged_lora_mask_decoder", "lora_mask_decoder"),
    ("sam_mask_decoder", "lora_mask_decoder"),
];

/// The network of `config` with the adapters and LoRA updates of `extended`.
fn extend(config: &Sam2RadConfig, extended: &Architecture) -> Result<Sam2RadConfig, CheckpointError> {
    let found = &config.architecture;
    let decoders = (found.mask_decoder.as_str(), extended.mask_decoder.as_str());
    let fits = extended.image_encoder.strip_suffix("_adapter").unwrap_or(&extended.image_encoder)
        == found.image_encoder.strip_suffix("_adapter").unwrap_or(&found.image_encoder)
        && extended.image_encoder.len() >= found.image_encoder.len()
        && (decoders.0 == decoders.1 || LORA_DECODERS.contains(&decoders))
        && extended.prompt_predictor == found.prompt_predictor;
    if !fits {
        return Err(CheckpointError::OtherArchitecture { found: found.to_string(), expected: extended.to_string() });
    }
    Ok(Sam2RadConfig::new(extended.clone(), config.image_size, config.structures, config.tokens)?)
}

/// Puts every parameter of `module` in from `source`.
///
/// `name_of` tells the source's name for a module path; `ignored` which left-over names of the source are no mistake;
/// `may_lack` which module paths may keep their fresh initialisation. Returns the module and those paths.
///
/// # Errors
/// [`CheckpointError::Keys`] with everything that does not fit, or what the source says of a tensor it cannot read.
pub fn load_module<M: Module>(
    module: M,
    source: &mut dyn TensorSource,
    name_of: &dyn Fn(&str) -> String,
    ignored: &dyn Fn(&str) -> bool,
    may_lack: &dyn Fn(&str) -> bool,
) -> Result<(M, Vec<String>), CheckpointError> {
    let mut loader = Loader {
        source,
        name_of,
        may_lack,
        path: ModulePath::default(),
        used: BTreeSet::new(),
        lacked: Vec::new(),
        mismatch: KeyMismatch::default(),
        error: None,
    };
    let module = module.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    let Loader { mut mismatch, used, lacked, source, .. } = loader;
    let left_over = source.shapes().keys().filter(|name| !used.contains(*name) && !ignored(name));
    mismatch.unexpected = left_over.cloned().collect();
    if mismatch.is_empty() { Ok((module, lacked)) } else { Err(CheckpointError::Keys(mismatch)) }
}

/// Where a mapper or visitor is in a module: the canonical name of a parameter and whether it lies transposed.
#[derive(Default)]
pub(crate) struct ModulePath {
    parts: Vec<(String, String)>,
}

impl ModulePath {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        self.parts.push((name.to_owned(), container.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.parts.pop();
    }

    /// The path with the names of checkpoints: an enum's variant is no level.
    pub(crate) fn name(&self) -> String {
        let levels = self.parts.iter().filter(|(_, container)| !container.starts_with("Enum:"));
        levels.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".")
    }

    /// burn's linear layers keep `[in, out]`, PyTorch's `[out, in]`.
    pub(crate) fn is_transposed(&self) -> bool {
        self.parts.last().is_some_and(|(name, container)| container == "Struct:Linear" && name == "weight")
    }
}

struct Loader<'a> {
    source: &'a mut dyn TensorSource,
    name_of: &'a dyn Fn(&str) -> String,
    may_lack: &'a dyn Fn(&str) -> bool,
    path: ModulePath,
    used: BTreeSet<String>,
    lacked: Vec<String>,
    mismatch: KeyMismatch,
    error: Option<CheckpointError>,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.name();
        let name = (self.name_of)(&path);
        let transposed = self.path.is_transposed();
        let mut shape = param.lazy_shape().to_vec();
        if transposed {
            shape.reverse();
        }
        match self.source.shapes().get(&name) {
            None if (self.may_lack)(&path) => self.lacked.push(path),
            None => self.mismatch.missing.push((name, shape)),
            Some(found) if *found != shape => {
                self.mismatch.misshapen.push((name.clone(), found.clone(), shape));
                self.used.insert(name);
            }
            Some(_) if self.error.is_some() => {}
            Some(_) => match self.source.read(&name) {
                Err(error) => self.error = Some(error),
                Ok(values) => {
                    let values = if transposed { transpose(&values, shape[0], shape[1]) } else { values };
                    self.used.insert(name);
                    let values = TensorData::new(values, param.lazy_shape());
                    return Param::initialized(param.id, Tensor::from_data(values, &param.lazy_device()));
                }
            },
        }
        param
    }
}

/// A row-major matrix with its rows and columns changed about.
pub(super) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| values[i % rows * columns + i / rows]).collect()
}

/// A source whose SAM ViT position tables are stretched bilinearly where the network is built for another image size
/// (the reference's `resize_pos_embedding`, for the global blocks that the configuration names).
struct StretchedTables<'a> {
    source: &'a mut dyn TensorSource,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl<'a> StretchedTables<'a> {
    fn new(source: &'a mut dyn TensorSource, config: &Sam2RadConfig, name_of: &dyn Fn(&str) -> String) -> Self {
        let mut shapes = source.shapes().clone();
        if let Backbone::Vit(vit) = &config.image_encoder.backbone {
            let side = config.embedding_size();
            let mut set = |path: &str, axes: &[usize], length: usize| {
                if let Some(shape) = shapes.get_mut(&name_of(path)) {
                    for &axis in axes {
                        shape.get_mut(axis).into_iter().for_each(|extent| *extent = length);
                    }
                }
            };
            set("image_encoder.pos_embed", &[1, 2], side);
            for block in vit.global_attn_indexes {
                set(&format!("image_encoder.blocks.{block}.attn.rel_pos_h"), &[0], 2 * side - 1);
                set(&format!("image_encoder.blocks.{block}.attn.rel_pos_w"), &[0], 2 * side - 1);
            }
        }
        Self { source, shapes }
    }
}

impl TensorSource for StretchedTables<'_> {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let found = self.source.shapes().get(name).cloned();
        let values = self.source.read(name)?;
        // A table is a picture `[1, rows, columns, channels]`, or a line of positions with channels.
        let as_picture = |shape: &[usize]| match *shape {
            [1, rows, columns, channels] => Some([rows, columns, channels]),
            [length, channels] => Some([length, 1, channels]),
            _ => None,
        };
        match (found.as_deref().and_then(as_picture), self.shapes.get(name).and_then(|shape| as_picture(shape))) {
            (Some(from), Some(to)) if from != to => Ok(stretch(&values, from, to)),
            _ => Ok(values),
        }
    }
}

/// A table `[rows, columns, channels]` resized to other rows and columns.
fn stretch(values: &[f32], [rows, columns, channels]: [usize; 3], [to_rows, to_columns, _]: [usize; 3]) -> Vec<f32> {
    let (vertical, horizontal) = (Taps::bilinear(rows, to_rows), Taps::bilinear(columns, to_columns));
    let mut stretched = vec![0f32; to_rows * to_columns * channels];
    for channel in 0..channels {
        let plane: Vec<f32> = values.iter().skip(channel).step_by(channels).copied().collect();
        let plane = resize_plane(&plane, columns, &vertical, &horizontal);
        stretched.iter_mut().skip(channel).step_by(channels).zip(plane).for_each(|(to, value)| *to = value);
    }
    stretched
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::MemorySource;
    use crate::nn::{LayerNorm, LayerNormConfig};
    use burn::nn::{Linear, LinearConfig};

    #[derive(Module, Debug)]
    struct Tiny {
        norm: LayerNorm,
        fc: Linear,
    }

    fn tiny() -> Tiny {
        let device = Device::flex();
        Tiny { norm: LayerNormConfig::new(3).init(&device), fc: LinearConfig::new(3, 2).init(&device) }
    }

    fn source() -> MemorySource {
        let mut source = MemorySource::default();
        source.insert("norm.weight", vec![3], vec![1.0, 2.0, 3.0]);
        source.insert("norm.bias", vec![3], vec![0.0; 3]);
        source.insert("fc.weight", vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        source.insert("fc.bias", vec![2], vec![0.0; 2]);
        source
    }

    fn load_tiny(source: &mut MemorySource) -> Result<(Tiny, Vec<String>), CheckpointError> {
        load_module(tiny(), source, &str::to_owned, &|_| false, &|_| false)
    }

    #[test]
    fn a_linear_weight_is_transposed_and_a_norm_taken_as_it_is() {
        let (tiny, lacked) = load_tiny(&mut source()).unwrap();
        assert!(lacked.is_empty());
        let weight: Vec<f32> = tiny.fc.weight.val().into_data().try_into_vec().unwrap();
        assert_eq!(weight, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let norm: Vec<f32> = tiny.norm.weight.val().into_data().try_into_vec().unwrap();
        assert_eq!(norm, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_table_is_stretched_channel_by_channel() {
        let values = [0.0, 10.0, 1.0, 20.0];
        assert_eq!(stretch(&values, [2, 1, 2], [4, 1, 2]), [0.0, 10.0, 0.25, 12.5, 0.75, 17.5, 1.0, 20.0]);
    }

    #[test]
    fn every_key_that_does_not_fit_is_named() {
        let mut source = source();
        source.remove("norm.bias");
        source.insert("fc.bias", vec![3], vec![0.0; 3]);
        source.insert("extra", vec![1], vec![0.0]);
        let Err(CheckpointError::Keys(mismatch)) = load_tiny(&mut source) else { panic!("the keys do not fit") };
        assert_eq!(mismatch.missing, [("norm.bias".to_owned(), vec![3])]);
        assert_eq!(mismatch.misshapen, [("fc.bias".to_owned(), vec![3], vec![2])]);
        assert_eq!(mismatch.unexpected, ["extra"]);
    }
}
