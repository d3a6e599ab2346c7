//! Opening files of weights.

use burn::tensor::Device;
use sam2rad::checkpoint::{
    CheckpointError, LoadOptions, ModelCard, ModelFile, PytorchSource, TensorSource, is_safetensors, load,
};
use sam2rad::segmenter::Segmenter;
use std::error::Error;
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

/// A model file, ready to segment on the CPU.
pub fn segmenter(path: &Path) -> Result<Segmenter, Box<dyn Error>> {
    let (mut source, card) = open(path)?;
    let card = card.ok_or_else(|| {
        format!("{} is a bare checkpoint; make a model file of it with `sam2rad convert` first", path.display())
    })?;
    let device = Device::flex();
    let options = LoadOptions { image_size: Some(card.image_size), ..LoadOptions::default() };
    let loaded = load(source.as_mut(), &options, &device)?;
    Ok(Segmenter::new(loaded.model, loaded.config, card, device))
}
