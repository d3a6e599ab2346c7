//! Opening files of weights.

use sam2rad::checkpoint::{CheckpointError, ModelCard, ModelFile, PytorchSource, TensorSource, is_safetensors};
use std::io::Read;
use std::path::Path;

/// A file as a source of weights, and its own description if it has one.
pub fn open(path: &Path) -> Result<(Box<dyn TensorSource>, Option<ModelCard>), CheckpointError> {
    let io = |source| CheckpointError::Io { path: path.display().to_string(), source };
    let mut start = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(9).read_to_end(&mut start).map_err(io)?;
    if is_safetensors(&start) {
        let file = ModelFile::open(path)?;
        let card = file.card().cloned();
        return Ok((Box::new(file), card));
    }
    Ok((Box::new(PytorchSource::open(path)?), None))
}
