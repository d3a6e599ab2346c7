//! Why a training cannot start or go on.

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::segmenter::RequestError;

/// Why a training cannot start or go on, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// Parts of the recipe contradict each other or the pictures.
    #[error("{0}")]
    Settings(String),
    /// The architecture cannot be built.
    #[error(transparent)]
    Architecture(#[from] ConfigError),
    /// The weights to start from cannot be read, or the result not written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The network does not answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Image features cannot be kept.
    #[error("the image features cannot be kept: {0}")]
    Features(#[from] std::io::Error),
    /// A saved state is damaged or of another network; `part` is which of its parts.
    #[error("{part}: {why}; the checkpoint cannot be used, start again")]
    State {
        /// Which of its parts.
        part: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A saved state is of a training with another recipe.
    #[error(
        "the checkpoint is of a training with other settings or pictures; go on with the same ones, or start again"
    )]
    OtherTraining,
    /// A loss or a gradient is no number any more.
    #[error(
        "the loss of step {step} is not a number; resume from the last checkpoint with a lower optimizer.learning_rate or a clip_norm of 1"
    )]
    Diverged {
        /// Counted from 0.
        step: usize,
    },
}
