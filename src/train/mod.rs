//! Training: the reference's losses, prompt mixing and parameter groups on burn's autodiff (paper, section 3.3; `train.py`).
//!
//! ```text
//! TrainConfig -> data (phantoms or a folder) -> augment -> picture: input, targets, manual prompts
//!             -> start (weights)             -> forward -> loss -> gradients -> AdamW -> average of the weights
//!                                               evaluate, report, state (checkpoints), model file
//! ```

mod augment;
mod average;
mod calibration;
mod config;
mod curves;
mod data;
mod date;
mod error;
mod features;
pub mod forward;
mod gradients;
pub mod loss;
mod overlays;
mod picture;
mod prompts;
mod random;
mod report;
mod start;
mod state;
mod trainable;
mod trainer;

pub use augment::Augmentation;
pub use config::{
    CardConfig, DataConfig, EXAMPLE, FeatureConfig, FolderData, LossConfig, MixData, MixSource, ModelConfig,
    OptimizerConfig, PhantomData, ReportConfig, TrainConfig,
};
pub use data::TrainingData;
pub use error::TrainError;
pub use picture::TrainingPicture;
pub use report::{LossRow, LossValues};
pub use start::StartFile;
pub use trainable::Mode;
pub use trainer::{End, Event, Trainer};
