//! PyTorch's `.pt`, `.pth` and `.ckpt` as a source. The pickle is parsed by `pytorch-reader`, never executed.

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::{CheckpointError, TensorSource};

/// A checkpoint whose tensors are read when they are asked for.
pub struct PytorchSource {
    tensors: HashMap<String, Tensor>,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl PytorchSource {
    /// Opens a file; the tensors stay in it.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], or as [`from_bytes`](Self::from_bytes).
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let size = std::fs::metadata(path).map_err(CheckpointError::io(path))?.len();
        Self::new(PytorchReader::new(path), size)
    }

    /// Takes a whole file.
    ///
    /// # Errors
    /// [`CheckpointError::NotACheckpoint`] where it is something else, [`CheckpointError::Damaged`] where its tensors do not
    /// fit into it.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        let size = bytes.len() as u64;
        Self::new(PytorchReader::from_bytes(bytes, None), size)
    }

    fn new(reader: Result<PytorchReader, pytorch_reader::PytorchError>, size: u64) -> Result<Self, CheckpointError> {
        let tensors = reader.map_err(|error| CheckpointError::NotACheckpoint(error.to_string()))?.into_tensors();
        // `torch.save` does not compress: a tensor larger than the file is a lie that would cost its size in memory.
        if let Some(tensor) = tensors.values().find(|tensor| checked_byte_len(tensor).is_none_or(|len| len > size)) {
            return Err(CheckpointError::Damaged(format!("the tensor `{}` is larger than the file", tensor.name)));
        }
        let shapes = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape().to_vec())).collect();
        Ok(Self { tensors, shapes })
    }
}

fn checked_byte_len(tensor: &Tensor) -> Option<u64> {
    let mut extents = tensor.shape().iter();
    extents.try_fold(tensor.dtype().size() as u64, |len, &extent| len.checked_mul(extent as u64))
}

impl TensorSource for PytorchSource {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let gone = || CheckpointError::Damaged(format!("the tensor `{name}` is gone"));
        let tensor = self.tensors.get(name).ok_or_else(gone)?;
        let bytes = tensor.read().map_err(|error| CheckpointError::Damaged(error.to_string()))?;
        Ok(match tensor.dtype() {
            DType::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_ne_bytes(*b) as f32).collect(),
            DType::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_ne_bytes(*b)).collect(),
            DType::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_ne_bytes(*b).to_f32()).collect(),
            DType::BF16 => bytes.as_chunks().0.iter().map(|b| bf16::from_ne_bytes(*b).to_f32()).collect(),
            other => return Err(CheckpointError::Dtype { name: name.to_owned(), dtype: format!("{other:?}") }),
        })
    }
}
