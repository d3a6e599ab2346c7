//! Training: the reference's losses, prompt mixing and parameter groups on burn's autodiff (paper, section 3.3; `train.py`).

mod augment;
pub mod forward;
pub mod loss;
mod picture;
mod trainable;

pub use augment::Augmentation;
pub use picture::TrainingPicture;
pub use trainable::Mode;
