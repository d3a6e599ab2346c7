//! Training with files, as the reference has it (`train.py`): what [`learner`](crate::learner) needs comes from a configuration file,
//! folders of pictures and simulated ones; checkpoints, tables, plots and the model go to a folder.
//!
//! ```text
//! TrainConfig -> data (phantoms or a folder) -> Learner -> tables, curves, overlays, state (checkpoints), model file
//! ```

mod config;
mod curves;
mod data;
mod error;
mod features;
mod overlays;
mod report;
mod state;
mod trainer;

pub use crate::learner::{
    Augmentation, CardConfig, LearnError, LossConfig, LossRow, LossValues, OptimizerConfig, StartFile, Trainable,
    TrainingData, TrainingPicture, forward, loss,
};
pub use config::{
    DataConfig, EXAMPLE, FeatureConfig, FolderData, MixData, MixSource, ModelConfig, PhantomData, ReportConfig,
    TrainConfig,
};
pub use error::TrainError;
pub use trainer::{End, Event, Trainer};
