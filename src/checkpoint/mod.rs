//! Weights in files: official SAM, SAM 2 and MobileSAM checkpoints, the reference trainer's, and our own model file.
//!
//! ```text
//! file -> TensorSource (names, shapes, values in PyTorch's layout)
//!      -> Checkpoint (wrappers' and transformers' names made official ones; the card, if there is one)
//!      -> detect     (which architecture, which parts, whose names)
//!      -> prepare    (card, image size and every shape checked; names translated by `keys`) -> Weights
//! Weights -> load, one tensor at a time -> Sam2Rad
//!         -> write, one tensor at a time -> a model file
//! ```
//!
//! A pickle is parsed and never executed.

mod describe;
mod detect;
pub mod keys;
mod load;
mod model_file;
mod module;
mod open;
mod position_table;
mod pytorch;
mod quantize;
mod renamed;
mod save;
mod source;
mod transformers;
mod write;

pub use describe::Description;
pub use detect::{Detected, detect};
pub use load::{Additions, LoadOptions, Loaded, Weights};
pub use model_file::{Dtype, ModelCard, ModelFile, ModelFileReader};
#[cfg(feature = "learn")]
pub(crate) use module::ModulePath;
pub use module::load_module;
pub use open::Checkpoint;
pub use pytorch::PytorchSource;
pub use save::{collect, merge_lora, shapes};
pub use source::{MemorySource, TensorSource};
pub use write::{model_file_bytes, model_file_pieces, write_model_file};

use crate::config::ConfigError;
use std::fmt;
use std::path::Path;

/// Why weights could not be read or written, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    #[error("{}", which_dataset(.names, .asked.as_deref()))]
    Dataset {
        /// Those that it has prompts for.
        names: Vec<String>,
        /// The one that was asked for and is not among them.
        asked: Option<String>,
    },
    /// A checkpoint that is spread over several files.
    #[error(
        "this is one of several files of a checkpoint, or their index; join them first: load them with the program that wrote them and save them as one .safetensors or .pt file"
    )]
    Shards,
    /// Neither the file nor the caller says the image size.
    #[error(
        "the file does not say at which image size its network was trained; choose 256, 512 or 1024 (--image-size on the command line)"
    )]
    UnknownImageSize,
    /// The architecture cannot be built.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused it.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
}

fn which_dataset(names: &[String], asked: Option<&str>) -> String {
    let known = names.join(", ");
    match asked {
        Some(asked) if names.is_empty() => {
            format!("the checkpoint names no dataset of its learnt prompts, so none is `{asked}`; leave the choice out")
        }
        Some(asked) => {
            format!("the checkpoint has learnt prompts for {known}, and none is `{asked}`; choose one of them")
        }
        None => format!(
            "the checkpoint has learnt prompts for several datasets ({known}); choose one (--dataset on the command line)"
        ),
    }
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
