//! Weights in files: official SAM, SAM 2 and MobileSAM checkpoints, the reference trainer's, and our own model file.
//!
//! ```text
//! file -> TensorSource (names, shapes, values in PyTorch's layout)
//!      -> detect (which architecture, whose names)
//!      -> load   (names translated by `keys`, one tensor at a time) -> Sam2Rad
//! Sam2Rad -> save -> ModelFile
//! ```
//!
//! A pickle is parsed and never executed.

mod convert;
mod detect;
pub mod keys;
mod load;
mod model_file;
mod pytorch;
mod quantize;
mod save;
mod source;

pub use convert::{Description, is_safetensors, open_bytes};
pub use detect::{Detected, detect};
#[cfg(feature = "train")]
pub(crate) use load::ModulePath;
pub use load::{LoadOptions, Loaded, load, load_module};
pub use model_file::{Dtype, ModelCard, ModelFile, ModelFileReader, Structure, model_file_bytes, write_model_file};
pub use pytorch::PytorchSource;
pub use save::{collect, collect_async, merge_lora, shapes};
pub use source::{MemorySource, TensorSource};

use crate::config::ConfigError;
use std::fmt;
use std::path::Path;

/// Why weights could not be read or written, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Neither a safetensors file nor a PyTorch checkpoint, or one without an image encoder.
    #[error(
        "this is not a checkpoint of SAM, SAM 2, MobileSAM or Sam2Rad: {0}; choose a .safetensors, .pt, .pth or .ckpt file"
    )]
    NotACheckpoint(String),
    /// A checkpoint, but of a network that is not the one asked for or none that is known.
    #[error("the checkpoint holds {found}, but {expected} was expected; choose the matching file or architecture")]
    OtherArchitecture {
        /// What the file looks like.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// The tensors are not those of the architecture.
    #[error(
        "the weights do not fit the architecture: {0}convert the original checkpoint again, or choose its architecture"
    )]
    Keys(KeyMismatch),
    /// The file is cut off or its bytes were changed.
    #[error("the file is damaged: {0}; download or copy it again")]
    Damaged(String),
    /// The entry that describes the model cannot be understood.
    #[error("the description inside the model file cannot be read: {0}; convert the original checkpoint again")]
    Metadata(String),
    /// A tensor's number type is not one that weights have.
    #[error("the tensor `{name}` holds {dtype} values; only f64, f32, f16 and bf16 weights can be read")]
    Dtype {
        /// The tensor.
        name: String,
        /// Its type in the file's words.
        dtype: String,
    },
    /// The reference trainer's file has prompts for several datasets.
    #[error("the checkpoint has learnt prompts for several datasets ({0}); choose one with --dataset")]
    Dataset(String),
    /// The device did not give the weights back.
    #[error("the weights could not be read from the device: {0}; load the model again")]
    Device(String),
    /// The architecture cannot be built.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system says no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
}

impl CheckpointError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}

/// Tensors that are missing, left over or of another shape.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KeyMismatch {
    /// Names the network needs and the file lacks, with the shapes they should have.
    pub missing: Vec<(String, Vec<usize>)>,
    /// Names in the file that the network has no place for.
    pub unexpected: Vec<String>,
    /// Name, shape in the file, shape in the network.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl KeyMismatch {
    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misshapen.is_empty()
    }
}

impl fmt::Display for KeyMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, "missing", self.missing.iter().map(|(name, shape)| format!("{name} {shape:?}")))?;
        list(f, "unexpected", self.unexpected.iter().cloned())?;
        let misshapen = self.misshapen.iter();
        list(
            f,
            "misshapen",
            misshapen.map(|(name, found, expected)| format!("{name} {found:?} instead of {expected:?}")),
        )
    }
}

/// The first ten, and how many more there are.
fn list(f: &mut fmt::Formatter<'_>, what: &str, items: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    const SHOWN: usize = 10;
    let count = items.len();
    if count == 0 {
        return Ok(());
    }
    let shown: Vec<_> = items.take(SHOWN).collect();
    write!(f, "{count} {what} ({}", shown.join(", "))?;
    if count > SHOWN {
        write!(f, ", and {} more", count - SHOWN)?;
    }
    f.write_str("); ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_keys_names_ten_and_counts_the_rest() {
        let missing = (0..13).map(|i| (format!("key{i}"), vec![i])).collect();
        let text = CheckpointError::Keys(KeyMismatch { missing, ..Default::default() }).to_string();
        assert!(text.contains("13 missing") && text.contains("key9 [9]") && text.contains("and 3 more"), "{text}");
        assert!(!text.contains("key10"), "{text}");
    }
}
