//! How good a model is on labelled pictures: autonomously, and with simulated help.
//!
//! ```text
//! Dataset -> LabelledPicture -> evaluate_picture (Segmenter, simulated clicks, measures) -> PictureScores -> Report
//! ```
//!
//! The background is left out, and pictures without a structure do not count for its measures (the reference's
//! evaluation, MONAI's `ignore_empty`). They count for presence: whether the object score is right about a structure being
//! in the picture.

mod clicks;
mod mask;
#[cfg(feature = "train")]
mod matching;
mod measures;
mod picture;
#[cfg(feature = "train")]
mod report;
#[cfg_attr(not(feature = "train"), allow(dead_code, reason = "reports need all of it, learning a part"))]
mod summary;
#[cfg_attr(not(feature = "train"), allow(dead_code, reason = "reports need all of it, learning a part"))]
mod sureness;
#[cfg(feature = "train")]
mod surface;

pub use clicks::{ErrorRegion, bounding_box, correcting_click, first_click, innermost_point, largest_error};
pub use mask::Mask;
#[cfg(feature = "train")]
pub use matching::{EvaluationError, match_structures, relabel};
pub use measures::{dice, iou};
pub use picture::{Help, PictureScores, Prompting, StructureScores, SurfaceDistances, evaluate_overlap};
#[cfg(feature = "train")]
pub use report::{Report, Subject};
pub use summary::{Presence, Statistics, Summary, Unit, WorstFifth};
pub use sureness::{Judged, POOR_DICE, Sureness};
#[cfg(feature = "train")]
pub use surface::{evaluate_picture, surface_distances};

/// A structure with more pixels than this is in the picture (the reference trainer's threshold).
pub const MIN_PRESENT_PIXELS: usize = 10;

/// How good a model is on its own: means over pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct AutonomousScores {
    /// Dice of each structure over the pictures in which it is labelled; `None` where it is in none.
    pub dice: Vec<Option<f64>>,
    /// Share of pictures and structures in which the model is right about presence, 0 to 1; `None` without pictures.
    pub presence_accuracy: Option<f64>,
}

impl AutonomousScores {
    /// Sums up scores of a model of so many structures without prompts.
    pub fn new(structures: usize, scores: &[StructureScores]) -> Self {
        let dice = |i| Statistics::new(scores.iter().filter(|s| s.structure == i).filter_map(|s| s.dice));
        Self {
            dice: (0..structures).map(|i| dice(i).map(|dice| dice.mean)).collect(),
            presence_accuracy: Presence::new(scores.iter()).accuracy(),
        }
    }

    /// The mean over the structures that are in a picture; 0 where none is.
    pub fn mean_dice(&self) -> f64 {
        Statistics::new(self.dice.iter().flatten().copied()).map_or(0.0, |dice| dice.mean)
    }
}
