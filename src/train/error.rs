//! Why a training cannot start or go on.

use std::path::{Path, PathBuf};

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::dataset::DatasetError;
use crate::picture::PictureError;
use crate::segmenter::RequestError;

/// Why a training cannot start or go on, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The operating system says no.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The configuration cannot be understood or makes no sense.
    #[error("{path}: {why}\n`sam2rad train --example-config` prints a file with every key explained")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Parts of the configuration contradict each other or the data.
    #[error("{0}")]
    Settings(String),
    /// The architecture cannot be built.
    #[error(transparent)]
    Architecture(#[from] ConfigError),
    /// The weights to start from cannot be read, or the result not written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The labelled pictures are not usable.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// An overlay cannot be written.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The network does not answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The saved state is not there or is another training's.
    #[error("{path}: {why}")]
    Resume {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The output folder holds a training already.
    #[error("{0} already holds a training; go on with it (--resume), or choose another folder with --out")]
    Exists(PathBuf),
    /// A loss or a gradient is no number any more.
    #[error(
        "the loss of step {step} is not a number; resume from the last checkpoint with a lower optimizer.learning_rate or a clip_norm of 1"
    )]
    Diverged {
        /// Counted from 0.
        step: usize,
    },
    /// The curves cannot be drawn.
    #[error("{path}: {why}")]
    Plot {
        /// The picture.
        path: PathBuf,
        /// The reason.
        why: String,
    },
}

impl TrainError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
