//! What learns: the reference's losses, prompt mixing and parameter groups on burn's autodiff (paper, section 3.3; `train.py`), on
//! labelled pictures in memory. It knows no file: pictures and weights come in, events, checkpoints and a model file go out as bytes.
//! `sam2rad train` and the browser stand on it.
//!
//! ```text
//! Recipe -> TrainingData -> augment -> picture: input, targets, manual prompts
//!        -> start (weights)         -> forward -> loss -> gradients -> AdamW -> average of the weights
//!                                      validation, Saved (checkpoints), model file
//! ```

mod augment;
mod average;
mod calibration;
mod date;
mod error;
mod features;
pub mod few_shot;
pub mod forward;
mod gradients;
mod learning;
pub mod loss;
mod picture;
mod pictures;
mod prompts;
pub(crate) mod random;
mod recipe;
mod start;
mod state;
mod tally;
mod trainable;

pub use augment::Augmentation;
pub use error::LearnError;
pub use features::{FeatureStore, MemoryStore};
pub use forward::PromptMix;
pub use learning::{Learner, Step, Validation};
pub use picture::TrainingPicture;
pub use pictures::{Draw, PictureSource, TrainingData, TrainingSet};
pub use recipe::{CardConfig, LossConfig, NetworkConfig, OptimizerConfig, Recipe, Rhythm};
pub use start::StartFile;
pub use state::{Counters, Saved};
pub use tally::{LossRow, LossValues};
pub use trainable::Trainable;
