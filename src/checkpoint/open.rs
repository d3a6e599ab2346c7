//! Opens files of weights of every kind; [`Checkpoint::load`] checks each of them as a whole.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::renamed::Renamed;
use super::{CheckpointError, Detected, ModelCard, ModelFile, ModelFileReader, PytorchSource, TensorSource, detect};

/// A model file or another checkpoint, opened: names and shapes are known, values are read when it is loaded.
pub struct Checkpoint {
    pub(super) source: Renamed,
    pub(super) card: Option<ModelCard>,
}

impl Checkpoint {
    /// Opens a file.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], or as [`from_bytes`](Self::from_bytes).
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        if is_shard(&path.file_name().unwrap_or_default().to_string_lossy()) {
            return Err(CheckpointError::Shards);
        }
        let mut start = Vec::new();
        let file = std::fs::File::open(path).map_err(CheckpointError::io(path))?;
        file.take(FORMAT_BYTES).read_to_end(&mut start).map_err(CheckpointError::io(path))?;
        match Format::of(&start) {
            Format::Safetensors => Ok(ModelFile::open(path)?.into()),
            Format::Pytorch => Ok(Self::new(Box::new(PytorchSource::open(path)?))),
            Format::Json => Err(CheckpointError::Shards),
        }
    }

    /// Takes a whole file.
    ///
    /// # Errors
    /// As [`ModelFileReader`] and [`PytorchSource::from_bytes`]; [`CheckpointError::Shards`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        match Format::of(&bytes) {
            Format::Safetensors => {
                let mut reader = ModelFileReader::default();
                reader.push(&bytes)?;
                drop(bytes);
                Ok(reader.finish()?.into())
            }
            Format::Pytorch => Ok(Self::new(Box::new(PytorchSource::from_bytes(bytes)?))),
            Format::Json => Err(CheckpointError::Shards),
        }
    }

    /// Takes weights that are described by their names and shapes alone.
    pub fn new(source: Box<dyn TensorSource>) -> Self {
        Self { source: Renamed::new(source), card: None }
    }

    /// What the file says of itself, if it is a model file of ours.
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    /// Names and shapes of its tensors, those of `transformers` under the official names.
    pub fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        self.source.shapes()
    }

    /// What the file holds; `dataset` chooses the prompts where the reference trainer's file has several.
    ///
    /// # Errors
    /// As [`detect`].
    pub fn detect(&self, dataset: Option<&str>) -> Result<Detected, CheckpointError> {
        detect(self.shapes(), dataset).map_err(|error| match error {
            CheckpointError::OtherArchitecture { found, expected } if self.source.is_of_transformers => {
                let found = format!("{found}, under the names of Hugging Face's transformers");
                CheckpointError::OtherArchitecture { found, expected }
            }
            other => other,
        })
    }
}

impl From<ModelFile> for Checkpoint {
    fn from(file: ModelFile) -> Self {
        let card = file.card().cloned();
        Self { card, ..Self::new(Box::new(file)) }
    }
}

/// As many bytes as tell the format.
const FORMAT_BYTES: u64 = 9;

enum Format {
    Safetensors,
    Pytorch,
    /// The index of a checkpoint in several files.
    Json,
}

impl Format {
    /// safetensors starts with its header's length and the header's brace.
    fn of(start: &[u8]) -> Self {
        match start {
            [_, _, _, _, _, _, _, _, b'{', ..] => Self::Safetensors,
            [b'{', ..] => Self::Json,
            _ => Self::Pytorch,
        }
    }
}

/// Whether a file's name is that of one of several: `model-00001-of-00002.safetensors`.
fn is_shard(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    stem.rsplit_once("-of-").is_some_and(|(before, total)| {
        number(total)
            && before.rsplit_once('-').is_some_and(|(_, index)| number(index))
            && total.trim_start_matches('0') != "1"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_one_of_several_files() {
        assert!(is_shard("model-00001-of-00002.safetensors") && is_shard("pytorch_model-2-of-3.bin"));
        assert!(
            !is_shard("model-00001-of-00001.safetensors") && !is_shard("out-of-2.pt") && !is_shard("sam2.1_hiera.pt")
        );
    }
}
