//! Why a training cannot start or go on.

use std::path::{Path, PathBuf};

use crate::dataset::DatasetError;
use crate::learner::LearnError;
use crate::picture::PictureError;
use crate::segmenter::RequestError;

/// Why a training cannot start or go on, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The operating system refused it.
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
    /// The training cannot start or go on.
    #[error(transparent)]
    Learn(#[from] LearnError),
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
