//! Our own model file, read: safetensors with one metadata entry, `sam2rad`, that says all a user needs; and any other safetensors.
//!
//! In an 8-bit file a tensor `name` of integers has its scales beside it as `name.scales` (see [`super::quantize`]); biases,
//! norms, tokens and position tables stay `f16`. The reader takes a file in pieces as they arrive and keeps each tensor's
//! bytes as they are in the file; loading frees them one by one. So a file is in memory once, beside the weights that
//! have been made of it.

use half::{bf16, f16};
use safetensors::tensor::{Dtype as StDtype, Metadata};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use super::quantize::{BLOCK, dequantize};
use super::{CheckpointError, TensorSource};
use crate::config::{Architecture, Parts};
use crate::preprocess::{Fit, Normalization};
use crate::segmenter::Calibration;
use crate::structure::Structure;

/// The metadata entry.
pub(super) const ENTRY: &str = "sam2rad";
/// What follows a quantised tensor's name in its scales' name.
pub(super) const SCALES: &str = ".scales";
/// Bytes that give the header's length.
pub(super) const PREFIX: usize = 8;
/// The longest header that safetensors allows.
const MAX_HEADER: usize = 100_000_000;

/// Number types of our file's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// As computed.
    F32,
    /// Half precision.
    F16,
    /// 8-bit integers in blocks of 32 with an `f16` scale.
    Q8,
}

impl Dtype {
    /// All of them, the largest first.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Q8];

    /// Its name in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
        }
    }
}

/// What a model file says of itself. Unknown fields of newer files are passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The network.
    pub architecture: Architecture,
    /// Side of the input in pixels.
    pub image_size: usize,
    /// Learnt tokens for each structure; 0 where there is no prompt predictor.
    pub tokens: usize,
    /// What it segments, in the order of its prompts.
    pub structures: Vec<Structure>,
    /// Which parts the file has: without a prompt predictor the model answers in manual mode only, without an object score it says
    /// nothing of a structure's presence. A file that does not say has both.
    #[serde(default)]
    pub parts: Parts,
    /// Number type of the weights.
    pub dtype: Dtype,
    /// Whether it was trained to be corrected: a person's clicks are then answered one after the other, each with the answer
    /// before it as mask prompt.
    #[serde(default)]
    pub interactive: bool,
    /// How sure its answers are; without it, nothing is said of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// How a frame becomes square; as the network's authors have it, where a file does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// How pixels become input.
    #[serde(default)]
    pub normalization: Normalization,
    /// Where the weights come from.
    #[serde(default)]
    pub provenance: String,
    /// Under which licence.
    #[serde(default)]
    pub licence: String,
    /// What it was trained on; shown with every result.
    #[serde(default)]
    pub training_data: String,
    /// When it was made, `YYYY-MM-DD`.
    #[serde(default)]
    pub date: String,
    /// SHA-256 of the tensors' bytes in the file's order, in hexadecimal; set when the file is written.
    #[serde(default)]
    pub sha256: String,
}

impl ModelCard {
    /// Whether a person should look at an answer of which this Dice is expected; `None` where nothing is expected.
    pub fn needs_a_look(&self, expected_dice: Option<f32>) -> Option<bool> {
        Some(expected_dice? < self.calibration.as_ref()?.look_below)
    }
}

/// A safetensors file in memory, as a source of weights.
pub struct ModelFile {
    card: Option<ModelCard>,
    metadata: Metadata,
    shapes: BTreeMap<String, Vec<usize>>,
    tensors: HashMap<String, Vec<u8>>,
}

impl ModelFile {
    /// Reads a whole file, piece by piece.
    ///
    /// # Errors
    /// As [`ModelFileReader`], and [`CheckpointError::Io`].
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let mut file = std::fs::File::open(path).map_err(CheckpointError::io(path))?;
        let mut reader = ModelFileReader::default();
        let mut piece = vec![0; 1 << 20];
        loop {
            match file.read(&mut piece).map_err(CheckpointError::io(path))? {
                0 => return reader.finish(),
                length => reader.push(&piece[..length])?,
            }
        }
    }

    /// What the file says of itself; `None` for a safetensors file that is not ours.
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    fn bytes(&mut self, name: &str) -> Result<(StDtype, Vec<u8>), CheckpointError> {
        let gone = || CheckpointError::Damaged(format!("the tensor `{name}` is missing"));
        let dtype = self.metadata.info(name).ok_or_else(gone)?.dtype;
        Ok((dtype, self.tensors.remove(name).ok_or_else(gone)?))
    }
}

impl TensorSource for ModelFile {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let (dtype, bytes) = self.bytes(name)?;
        let halves = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b)).collect::<Vec<_>>();
        Ok(match dtype {
            StDtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
            StDtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            StDtype::F16 => halves(&bytes).into_iter().map(f16::to_f32).collect(),
            StDtype::BF16 => bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            StDtype::I8 => {
                let (_, scales) = self.bytes(&format!("{name}{SCALES}"))?;
                let scales = halves(&scales);
                if scales.len() != bytes.len().div_ceil(BLOCK) {
                    return Err(CheckpointError::Damaged(format!("`{name}` does not have a scale for each block")));
                }
                dequantize(&bytes, &scales)
            }
            other => return Err(CheckpointError::Dtype { name: name.to_owned(), dtype: format!("{other:?}") }),
        })
    }
}

/// Takes a safetensors file in pieces of any size.
///
/// # Errors
/// Both calls: [`CheckpointError::NotACheckpoint`], [`CheckpointError::Metadata`], [`CheckpointError::Damaged`].
#[derive(Default)]
pub struct ModelFileReader {
    /// Length and header while they are not whole.
    head: Vec<u8>,
    body: Option<Body>,
}

/// What is known once the header is.
struct Body {
    card: Option<ModelCard>,
    metadata: Metadata,
    /// Names and lengths in the file's order.
    order: Vec<(String, usize)>,
    tensors: HashMap<String, Vec<u8>>,
    current: Vec<u8>,
    hash: Sha256,
}

impl ModelFileReader {
    /// Takes the next bytes of the file.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), CheckpointError> {
        while self.body.is_none() {
            let wanted = match self.head.as_chunks::<PREFIX>().0.first() {
                None => PREFIX,
                Some(length) => match usize::try_from(u64::from_le_bytes(*length)) {
                    Ok(length) if length <= MAX_HEADER => PREFIX + length,
                    _ => return Err(CheckpointError::NotACheckpoint("it does not start as a safetensors file".into())),
                },
            };
            if wanted > PREFIX && self.head.len() == wanted {
                self.body = Some(Body::parse(&self.head[PREFIX..])?);
                self.head = Vec::new();
                break;
            }
            // A safetensors header is a JSON object: anything else need not be waited for.
            if self.head.get(PREFIX).is_some_and(|&byte| byte != b'{') || wanted == PREFIX && self.head.len() == PREFIX
            {
                return Err(CheckpointError::NotACheckpoint("it does not start as a safetensors file".into()));
            }
            if piece.is_empty() {
                return Ok(());
            }
            let (taken, rest) = piece.split_at(piece.len().min(wanted - self.head.len()));
            self.head.extend_from_slice(taken);
            piece = rest;
        }
        match &mut self.body {
            Some(body) => body.push(piece),
            None => Ok(()),
        }
    }

    /// Whether the file describes its model; `None` until its header is in.
    pub fn is_described(&self) -> Option<bool> {
        self.body.as_ref().map(|body| body.card.is_some())
    }

    /// Checks that the file is whole and what it was when it was written.
    pub fn finish(self) -> Result<ModelFile, CheckpointError> {
        let Some(body) = self.body else {
            return Err(CheckpointError::NotACheckpoint(format!(
                "it ends after {} bytes, within its header",
                self.head.len()
            )));
        };
        let missing: usize = body.order.iter().map(|(_, length)| length).sum::<usize>() - body.current.len();
        if missing > 0 {
            return Err(CheckpointError::Damaged(format!("the last {missing} bytes are missing")));
        }
        let hash = hexadecimal(&body.hash.finalize());
        if body.card.as_ref().is_some_and(|card| card.sha256 != hash) {
            return Err(CheckpointError::Damaged("its checksum is not that of its weights".into()));
        }
        let infos = body.metadata.tensors();
        let is_scale = |name: &str| name.strip_suffix(SCALES).is_some_and(|of| infos.contains_key(of));
        let shapes = infos.iter().filter(|(name, _)| !is_scale(name));
        let shapes = shapes.map(|(name, info)| (name.clone(), info.shape.clone())).collect();
        Ok(ModelFile { card: body.card, shapes, tensors: body.tensors, metadata: body.metadata })
    }
}

impl Body {
    fn parse(header: &[u8]) -> Result<Self, CheckpointError> {
        let metadata: Metadata = serde_json::from_slice(header)
            .map_err(|error| CheckpointError::NotACheckpoint(format!("its safetensors header is broken: {error}")))?;
        let card = match metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY)) {
            Some(card) => {
                Some(serde_json::from_str(card).map_err(|error| CheckpointError::Metadata(error.to_string()))?)
            }
            None => None,
        };
        let length = |info: &safetensors::tensor::TensorInfo| info.data_offsets.1 - info.data_offsets.0;
        let mut order: Vec<_> = metadata.tensors().into_iter().collect();
        order.sort_by_key(|(_, info)| info.data_offsets);
        let order = order.into_iter().rev().map(|(name, info)| (name, length(info))).collect();
        let mut body =
            Self { card, metadata, order, tensors: HashMap::new(), current: Vec::new(), hash: Sha256::new() };
        body.take_whole_tensors();
        Ok(body)
    }

    /// The order is kept last first, so that the next tensor is popped.
    fn push(&mut self, mut piece: &[u8]) -> Result<(), CheckpointError> {
        self.hash.update(piece);
        while let Some((_, length)) = self.order.last() {
            if piece.is_empty() {
                break;
            }
            let (taken, rest) = piece.split_at(piece.len().min(length - self.current.len()));
            self.current.extend_from_slice(taken);
            piece = rest;
            self.take_whole_tensors();
        }
        if piece.is_empty() { Ok(()) } else { Err(CheckpointError::Damaged("there are bytes after its end".into())) }
    }

    fn take_whole_tensors(&mut self) {
        while self.order.last().is_some_and(|(_, length)| *length == self.current.len()) {
            if let Some((name, _)) = self.order.pop() {
                self.tensors.insert(name, std::mem::take(&mut self.current));
            }
        }
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
