//! Models from files: our own piece by piece, any other checkpoint as a whole.

use burn::tensor::Device;
use js_sys::{Array, Reflect};
#[cfg(feature = "cpu")]
use js_sys::{Function, Uint8Array};
#[cfg(feature = "cpu")]
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use super::model::Model;
#[cfg(feature = "cpu")]
use super::types::ConvertOptionsObject;
#[cfg(feature = "cpu")]
use crate::checkpoint::{Checkpoint, Description, Dtype, model_file_pieces};
use crate::checkpoint::{CheckpointError, LoadOptions, ModelFileReader};
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

    /// The next bytes. Throws where they are not of a safetensors file, or its header does not describe the model: such a checkpoint
    /// is for `CheckpointConverter`.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), JsValue> {
        self.reader.push(piece).map_err(to_js)?;
        match self.reader.is_described() {
            Some(false) => {
                let why = "this safetensors file does not describe its model".to_owned();
                Err(to_js(CheckpointError::Metadata(why)))
            }
            _ => Ok(()),
        }
    }

    /// The model, once the whole file is in, at the file's image size or another one (256, 512 or 1024). Throws where the file
    /// is not whole, its weights are not what it says, or the WebGPU bundle has no kernels for its network.
    pub async fn finish(self, image_size: Option<usize>) -> Result<Model, JsValue> {
        let file = self.reader.finish().map_err(to_js)?;
        let options = LoadOptions { image_size, ..LoadOptions::default() };
        let segmenter = Segmenter::load(file.into(), &options, &Device::flex()).map_err(to_js)?;
        #[cfg(feature = "webgpu")]
        let segmenter = super::gpu::on_gpu(segmenter).await?;
        Ok(Model::new(segmenter))
    }
}

/// Bytes that JavaScript is given at once.
#[cfg(feature = "cpu")]
const PIECE: usize = 1 << 20;

#[cfg(feature = "cpu")]
#[derive(Deserialize, Default)]
#[serde(default)]
struct ConvertOptions {
    image_size: Option<usize>,
    dataset: Option<String>,
    structures: Vec<String>,
    provenance: String,
}

/// Takes any supported checkpoint, `.pt`, `.pth`, `.ckpt`, `.bin` or `.safetensors` of SAM, SAM 2, MobileSAM or Sam2Rad, piece by
/// piece, and makes a model file of it.
///
/// Only in the CPU bundle: archives and pickles would take the WebGPU bundle over its size, and the file serves both.
#[cfg(feature = "cpu")]
#[wasm_bindgen]
pub struct CheckpointConverter {
    bytes: Vec<u8>,
}

#[cfg(feature = "cpu")]
#[wasm_bindgen]
impl CheckpointConverter {
    /// A converter at the start of a file of `size` bytes. Throws where there is no room for it.
    #[wasm_bindgen(constructor)]
    pub fn new(size: usize) -> Result<Self, JsError> {
        let mut bytes = Vec::new();
        let no_room =
            |_| JsError::new("the memory of this browser has no room for the file; use the sam2rad command line");
        bytes.try_reserve_exact(size).map_err(no_room)?;
        Ok(Self { bytes })
    }

    /// The next bytes.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// The model file, in half precision, once the whole checkpoint is in: `put` takes what follows its header, piece by piece, and
    /// the header is returned. So the file is never in this memory. `put` copies a piece: the next one comes in the same array. Throws an Error with a `kind`.
    pub fn finish(self, options: ConvertOptionsObject, put: &Function) -> Result<Uint8Array, JsValue> {
        let options: Option<ConvertOptions> = serde_wasm_bindgen::from_value(options.into())?;
        let ConvertOptions { image_size, dataset, structures, provenance } = options.unwrap_or_default();
        let load = LoadOptions {
            image_size,
            structures: Some(structures.len()).filter(|&count| count > 0),
            dataset,
            additions: None,
        };
        let checkpoint = Checkpoint::from_bytes(self.bytes).map_err(to_js)?;
        let mut weights = checkpoint.prepare(&load, &Device::flex()).map_err(to_js)?;
        let said = Description { structures, provenance, ..Description::default() };
        let card = said.card(&weights.config, Some(&weights.card), Dtype::F16);
        // One array for all pieces: a browser does not collect those of a worker while it computes.
        let array = Uint8Array::new_with_length(PIECE as u32);
        let mut pending = Vec::new();
        let mut refused = None;
        let mut send = |bytes: &[u8]| {
            let piece = array.subarray(0, bytes.len() as u32);
            piece.copy_from(bytes);
            if let Err(error) = put.call1(&JsValue::NULL, &piece) {
                refused = Some(error);
            }
        };
        let header = model_file_pieces(&card, &mut weights, &mut |bytes| {
            pending.extend_from_slice(bytes);
            let whole = pending.len() / PIECE * PIECE;
            pending.drain(..whole).as_slice().chunks(PIECE).for_each(&mut send);
            Ok(())
        });
        send(&pending);
        match refused {
            Some(error) => Err(error),
            None => Ok(Uint8Array::from(header.map_err(to_js)?.as_slice())),
        }
    }
}

/// An `Error` with the kind beside its message; where a dataset is to be chosen, with their names as `datasets`.
fn to_js(error: CheckpointError) -> JsValue {
    let kind = match &error {
        CheckpointError::NotACheckpoint(_) => "not-a-checkpoint",
        CheckpointError::OtherArchitecture { .. } => "other-architecture",
        CheckpointError::Keys(_) => "keys",
        CheckpointError::Damaged(_) | CheckpointError::Io { .. } => "damaged",
        CheckpointError::Metadata(_) => "metadata",
        CheckpointError::Dtype { .. } => "dtype",
        CheckpointError::Dataset { .. } => "dataset",
        CheckpointError::Shards => "shards",
        CheckpointError::UnknownImageSize => "image-size",
        CheckpointError::Config(_) => "configuration",
    };
    let object = error_of_kind(kind, &error.to_string());
    if let CheckpointError::Dataset { names, .. } = &error {
        let names: Array = names.iter().map(|name| JsValue::from(name.as_str())).collect();
        let _ = Reflect::set(&object, &"datasets".into(), &names);
    }
    object
}

/// An `Error` with the kind beside its message.
pub fn error_of_kind(kind: &str, message: &str) -> JsValue {
    let object = js_sys::Error::new(message);
    // A new Error takes any property.
    let _ = Reflect::set(&object, &"kind".into(), &kind.into());
    object.into()
}
