//! Losses of steps, read from the device and summed up.

use serde::{Deserialize, Serialize};

use super::loss::Losses;

/// Losses of one or more pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LossValues {
    /// What is trained on.
    pub total: f64,
    /// Dice loss of the masks.
    pub dice: f64,
    /// Focal loss of the masks.
    pub focal: f64,
    /// Generalised IoU loss of the boxes.
    #[serde(rename = "box")]
    pub bounding_box: f64,
    /// Cross entropy of the object score.
    pub object: f64,
    /// Focal loss of the interim mask.
    pub interim: f64,
    /// Squared error of the predicted IoU.
    pub iou: f64,
}

impl LossValues {
    /// Brings the terms over from the device.
    pub(super) fn read(losses: &Losses) -> Self {
        let value = |loss: &burn::tensor::Tensor<1>| loss.clone().into_scalar::<f64>();
        Self {
            total: value(&losses.total),
            dice: value(&losses.dice),
            focal: value(&losses.focal),
            bounding_box: value(&losses.bounding_box),
            object: value(&losses.object),
            interim: value(&losses.interim),
            iou: value(&losses.iou),
        }
    }

    fn combine(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            total: of(self.total, other.total),
            dice: of(self.dice, other.dice),
            focal: of(self.focal, other.focal),
            bounding_box: of(self.bounding_box, other.bounding_box),
            object: of(self.object, other.object),
            interim: of(self.interim, other.interim),
            iou: of(self.iou, other.iou),
        }
    }
}

/// What is summed up between two rows of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    losses: LossValues,
    pictures: usize,
    gradient_norm: f64,
    steps: usize,
    seconds: f64,
}

impl Sums {
    pub(super) fn add_picture(&mut self, losses: LossValues) {
        self.losses = self.losses.combine(losses, |sum, value| sum + value);
        self.pictures += 1;
    }

    pub(super) fn add_step(&mut self, gradient_norm: f64, seconds: f64) {
        self.gradient_norm += gradient_norm;
        self.seconds += seconds;
        self.steps += 1;
    }

    /// Means over the pictures.
    pub(super) fn means(&self) -> LossValues {
        let pictures = self.pictures.max(1) as f64;
        self.losses.combine(self.losses, |sum, _| sum / pictures)
    }

    /// The means, as the row of `step`.
    pub(super) fn row(&self, step: usize, learning_rate: f64) -> LossRow {
        let mean = self.means();
        LossRow {
            step,
            learning_rate: learning_rate as f32,
            total: mean.total as f32,
            dice: mean.dice as f32,
            focal: mean.focal as f32,
            bounding_box: mean.bounding_box as f32,
            object: mean.object as f32,
            interim: mean.interim as f32,
            iou: mean.iou as f32,
            gradient_norm: (self.gradient_norm / self.steps.max(1) as f64) as f32,
            pictures_per_second: (self.pictures as f64 / self.seconds.max(1e-9)) as f32,
        }
    }
}

/// A row of the table of losses: means over the steps since the row before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossRow {
    /// Steps done.
    pub step: usize,
    /// Of the last one.
    pub learning_rate: f32,
    /// See [`LossValues`].
    pub total: f32,
    /// See [`LossValues`].
    pub dice: f32,
    /// See [`LossValues`].
    pub focal: f32,
    /// See [`LossValues`].
    #[serde(rename = "box")]
    pub bounding_box: f32,
    /// See [`LossValues`].
    pub object: f32,
    /// See [`LossValues`].
    pub interim: f32,
    /// See [`LossValues`].
    pub iou: f32,
    /// Norm of all gradients together, before it is bounded.
    pub gradient_norm: f32,
    /// Training alone.
    pub pictures_per_second: f32,
}
