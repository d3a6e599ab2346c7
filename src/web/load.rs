//! Models from files: our own piece by piece, any other checkpoint as a whole.

use burn::tensor::Device;
use js_sys::Reflect;
#[cfg(feature = "cpu")]
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use super::model::Model;
#[cfg(feature = "cpu")]
use super::types::ConvertOptionsObject;
use crate::checkpoint::{CheckpointError, LoadOptions, ModelFileReader, load};
#[cfg(feature = "cpu")]
use crate::checkpoint::{Description, Dtype, TensorSource, open_bytes};
use crate::segmenter::Segmenter;

/// Takes a model file piece by piece, as it arrives.
#[wasm_bindgen]
#[derive(Default)]
pub struct ModelReader {
    reader: ModelFileReader,
}

#[wasm_bindgen]
impl ModelReader {
    /// A reader at the start of a file.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes. Throws where they are not of a model file.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), JsValue> {
        self.reader.push(piece).map_err(to_js)
    }

    /// The model, once the whole file is in, at the file's image size or another one (256, 512 or 1024). Throws where the file
    /// is not whole or not a model.
    pub async fn finish(self, image_size: Option<usize>) -> Result<Model, JsValue> {
        let mut file = self.reader.finish().map_err(to_js)?;
        let mut card = file.card().cloned().ok_or_else(|| {
            let why = "this safetensors file does not describe its model".to_owned();
            to_js(CheckpointError::Metadata(why))
        })?;
        let device = device().await?;
        let options = LoadOptions {
            architecture: Some(card.architecture.clone()),
            image_size: Some(image_size.unwrap_or(card.image_size)),
            ..LoadOptions::default()
        };
        let loaded = load(&mut file, &options, &device).map_err(to_js)?;
        card.image_size = loaded.config.image_size;
        Ok(Model::new(Segmenter::new(loaded.model, loaded.config, card, device)))
    }
}

#[cfg(feature = "cpu")]
#[derive(Deserialize, Default)]
#[serde(default)]
struct ConvertOptions {
    image_size: Option<usize>,
    dataset: Option<String>,
    structures: Vec<String>,
    provenance: String,
}

/// A model from the bytes of any supported checkpoint: `.pt`, `.pth`, `.ckpt` or `.safetensors` of SAM, SAM 2, MobileSAM or
/// Sam2Rad. `Model.to_file` then gives it as a model file. SAM's own checkpoints have no prompt predictor: such a model answers
/// in manual mode alone. Throws an Error with a `kind`.
///
/// In the CPU bundle alone: archives and pickles would take the WebGPU bundle over its size, and its file serves both.
#[cfg(feature = "cpu")]
#[wasm_bindgen]
pub async fn convert(bytes: Vec<u8>, options: ConvertOptionsObject) -> Result<Model, JsValue> {
    let options: Option<ConvertOptions> = serde_wasm_bindgen::from_value(options.into())?;
    let options = options.unwrap_or_default();
    let (mut source, known) = open_bytes(bytes).map_err(to_js)?;
    let source: &mut dyn TensorSource = source.as_mut();
    let device = device().await?;
    let load_options = LoadOptions {
        image_size: options.image_size.or(known.as_ref().map(|card| card.image_size)),
        structures: Some(options.structures.len()).filter(|&count| count > 0),
        dataset: options.dataset,
        ..LoadOptions::default()
    };
    let loaded = load(source, &load_options, &device).map_err(to_js)?;
    let said = Description { structures: options.structures, provenance: options.provenance, ..Description::default() };
    let card = said.card(&loaded.config, known.as_ref(), Dtype::F16);
    let segmenter = Segmenter::new(loaded.model, loaded.config, card, device);
    Ok(Model::new(segmenter.with_initialised(&loaded.initialised)))
}

/// An `Error` with the kind beside its message.
pub(super) fn to_js(error: CheckpointError) -> JsValue {
    let kind = match &error {
        CheckpointError::NotACheckpoint(_) => "not-a-checkpoint",
        CheckpointError::OtherArchitecture { .. } => "other-architecture",
        CheckpointError::Keys(_) => "keys",
        CheckpointError::Damaged(_) | CheckpointError::Io { .. } => "damaged",
        CheckpointError::Metadata(_) => "metadata",
        CheckpointError::Dtype { .. } => "dtype",
        CheckpointError::Dataset(_) => "dataset",
        CheckpointError::Device(_) => "device",
        CheckpointError::Config(_) => "configuration",
    };
    let object = js_sys::Error::new(&error.to_string());
    // A new Error takes any property.
    let _ = Reflect::set(&object, &"kind".into(), &kind.into());
    object.into()
}

#[cfg(feature = "cpu")]
async fn device() -> Result<Device, JsError> {
    Ok(Device::flex())
}

#[cfg(all(feature = "webgpu", not(feature = "cpu")))]
async fn device() -> Result<Device, JsError> {
    use std::cell::RefCell;
    thread_local!(static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) });
    if let Some(device) = DEVICE.with_borrow(Clone::clone) {
        return Ok(device);
    }
    let device = Device::wgpu_options().init_async().await.map_err(|error| {
        JsError::new(&format!("WebGPU cannot be started: {error:?}; reload the page with ?backend=cpu"))
    })?;
    DEVICE.set(Some(device.clone()));
    Ok(device)
}
