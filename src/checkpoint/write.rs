//! A model file, written tensor by tensor: neither its source nor the file has to be in memory as a whole.

use half::f16;
use safetensors::tensor::{Dtype as StDtype, Metadata, TensorInfo};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use super::model_file::{ENTRY, PREFIX, SCALES, hexadecimal};
use super::quantize::{BLOCK, quantize};
use super::{CheckpointError, Dtype, ModelCard, TensorSource};

/// Takes the file's bytes, in order.
type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), CheckpointError>;

/// Writes a model file: `tensors` under our names, in the number type that the card says. A file that was there is replaced once the
/// new one is whole.
///
/// # Errors
/// [`CheckpointError::Io`], or as [`model_file_bytes`].
pub fn write_model_file(path: &Path, card: &ModelCard, tensors: &mut dyn TensorSource) -> Result<(), CheckpointError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written =
        write_to(&part, card, tensors).and_then(|()| std::fs::rename(&part, path).map_err(CheckpointError::io(path)));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}

fn write_to(path: &Path, card: &ModelCard, tensors: &mut dyn TensorSource) -> Result<(), CheckpointError> {
    let layout = Layout::of(card, tensors.shapes())?;
    let mut file = BufWriter::new(File::create(path).map_err(CheckpointError::io(path))?);
    file.write_all(&layout.header).map_err(CheckpointError::io(path))?;
    let hash = write_data(card, tensors, &mut |bytes| file.write_all(bytes).map_err(CheckpointError::io(path)))?;
    file.rewind().map_err(CheckpointError::io(path))?;
    file.write_all(&layout.with_checksum(&hash)).and_then(|()| file.flush()).map_err(CheckpointError::io(path))
}

/// A model file in memory.
///
/// # Errors
/// [`CheckpointError::Metadata`], or what the source says of a tensor that it cannot read.
pub fn model_file_bytes(card: &ModelCard, tensors: &mut dyn TensorSource) -> Result<Vec<u8>, CheckpointError> {
    let layout = Layout::of(card, tensors.shapes())?;
    let mut bytes = Vec::with_capacity(layout.header.len() + layout.data_length);
    bytes.extend_from_slice(&layout.header);
    let hash = write_data(card, tensors, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    let header = layout.with_checksum(&hash);
    bytes[..header.len()].copy_from_slice(&header);
    Ok(bytes)
}

/// A model file in pieces: `put` takes what follows the header, piece by piece, and the header comes last, when the checksum of the
/// pieces is known.
///
/// # Errors
/// As [`model_file_bytes`], and what `put` says.
pub fn model_file_pieces(
    card: &ModelCard,
    tensors: &mut dyn TensorSource,
    put: Sink<'_>,
) -> Result<Vec<u8>, CheckpointError> {
    let layout = Layout::of(card, tensors.shapes())?;
    let hash = write_data(card, tensors, put)?;
    Ok(layout.with_checksum(&hash))
}

/// The bytes before the data.
struct Layout {
    /// Its length and the header, with zeros in place of the checksum.
    header: Vec<u8>,
    data_length: usize,
}

impl Layout {
    fn of(card: &ModelCard, shapes: &BTreeMap<String, Vec<usize>>) -> Result<Self, CheckpointError> {
        let failed = |error: &dyn std::error::Error| CheckpointError::Metadata(error.to_string());
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for (name, shape) in shapes {
            match encoding(card.dtype, name, shape) {
                Dtype::F32 => first.push((name.clone(), StDtype::F32, shape.clone())),
                Dtype::F16 => first.push((name.clone(), StDtype::F16, shape.clone())),
                Dtype::Q8 => {
                    let blocks = shape.iter().product::<usize>().div_ceil(BLOCK);
                    first.push((format!("{name}{SCALES}"), StDtype::F16, vec![blocks]));
                    last.push((name.clone(), StDtype::I8, shape.clone()));
                }
            }
        }
        let mut data_length = 0;
        let infos = first.into_iter().chain(last).map(|(name, dtype, shape)| {
            let start = data_length;
            data_length += shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (name, TensorInfo { dtype, shape, data_offsets: (start, data_length) })
        });
        let infos: Vec<_> = infos.collect();
        let described = ModelCard { sha256: "0".repeat(64), ..card.clone() };
        let entry = serde_json::to_string(&described).map_err(|error| failed(&error))?;
        let metadata = Metadata::new(Some(HashMap::from([(ENTRY.to_owned(), entry)])), infos);
        let metadata = metadata.map_err(|error| failed(&error))?;
        let mut json = serde_json::to_vec(&metadata).map_err(|error| failed(&error))?;
        json.resize(json.len().next_multiple_of(PREFIX), b' ');
        let header = [(json.len() as u64).to_le_bytes().to_vec(), json].concat();
        Ok(Self { header, data_length })
    }

    fn with_checksum(mut self, hash: &str) -> Vec<u8> {
        // Found with its name: in a text that a person wrote, the quotation marks look otherwise here.
        let before = br#"\"sha256\":\""#;
        let position = self.header.windows(before.len()).rposition(|window| window == before);
        let position = position.expect("the checksum's place was written into the header") + before.len();
        self.header[position..position + hash.len()].copy_from_slice(hash.as_bytes());
        self.header
    }
}

/// Puts the data in the order of its [`Layout`], and returns its checksum.
fn write_data(card: &ModelCard, source: &mut dyn TensorSource, put: Sink<'_>) -> Result<String, CheckpointError> {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update(bytes);
        put(bytes)
    };
    // Integers come after all that has two bytes or four, so that every tensor starts at a multiple of its type.
    let mut integers = Vec::new();
    for (name, shape) in source.shapes().clone() {
        let values = source.read(&name)?;
        if values.len() != shape.iter().product::<usize>() {
            let why = format!("`{name}` has {} values, which do not fill {shape:?}", values.len());
            return Err(CheckpointError::Damaged(why));
        }
        let halves =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect() };
        match encoding(card.dtype, &name, &shape) {
            Dtype::F32 => put(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())?,
            Dtype::F16 => put(&halves(&values))?,
            Dtype::Q8 => {
                let (quantised, scales) = quantize(&values);
                put(&scales.iter().flat_map(|scale| scale.to_le_bytes()).collect::<Vec<_>>())?;
                integers.push(quantised.into_iter().map(|value| value as u8).collect::<Vec<_>>());
            }
        }
    }
    integers.iter().try_for_each(|bytes| put(bytes))?;
    Ok(hexadecimal(&hash.finalize()))
}

/// How a tensor is stored in a file of this number type. An 8-bit file quantises the matrices and kernels, where nearly all the bytes
/// are. Tokens, embeddings and position tables are looked up and not multiplied with.
fn encoding(dtype: Dtype, name: &str, shape: &[usize]) -> Dtype {
    const KEPT: [&str; 6] = ["pos_embed", "rel_pos", "embed", "gaussian", "prompts", "biases"];
    // Not every name with a token in it: attention from tokens to the image has matrices.
    let is_token = name.ends_with("_token.weight") || name.ends_with("_tokens.weight");
    let is_kept = is_token || KEPT.iter().any(|kept| name.contains(kept));
    match dtype {
        Dtype::Q8 if shape.len() < 2 || is_kept && !name.contains("patch_embed") => Dtype::F16,
        dtype => dtype,
    }
}
