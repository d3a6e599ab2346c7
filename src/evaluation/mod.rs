//! How good a model is on labelled pictures: autonomously, and with simulated help.
//!
//! ```text
//! Dataset -> LabelledPicture -> evaluate_picture (Segmenter, simulated clicks, measures) -> PictureScores -> Report
//! ```
//!
//! The background is left out, and pictures without a structure do not count for its measures (the reference's
//! evaluation, MONAI's `ignore_empty`). They count for presence: whether the object score says rightly that a structure is
//! in the picture.

mod clicks;
mod mask;
mod measures;
mod picture;
mod report;
mod summary;
mod sureness;

pub use clicks::{ErrorRegion, bounding_box, correcting_click, first_click, innermost_point, largest_error};
pub use mask::Mask;
pub use measures::{SurfaceDistances, dice, iou, surface_distances};
pub use picture::{Help, PictureScores, Prompting, StructureScores, evaluate_overlap, evaluate_picture};
pub use report::{Report, Subject};
pub use summary::{Presence, Statistics, Summary, Unit, WorstFifth};
pub use sureness::{Judged, POOR_DICE, Sureness};

use crate::checkpoint::Structure;
use crate::dataset::{Dataset, DatasetError, LabelledPicture};
use crate::segmenter::RequestError;

/// A structure with more pixels than this is in the picture (the reference trainer's threshold).
pub const MIN_PRESENT_PIXELS: usize = 10;

/// Why a model could not be judged, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// The labels are of structures that the model does not know.
    #[error(
        "the model does not segment {}: it has {}, the dataset has {}; name the structures alike in the dataset's \
         dataset.json, or choose another model", .missing.join(", "), .model.join(", "), .dataset.join(", ")
    )]
    Structures {
        /// The dataset's that the model lacks.
        missing: Vec<String>,
        /// The model's.
        model: Vec<String>,
        /// The dataset's.
        dataset: Vec<String>,
    },
    /// The dataset cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The model does not answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The report cannot be written.
    #[error("pictures.csv: {0}")]
    Csv(#[from] csv::Error),
}

/// Which structure of the model each of the dataset's is: by name in any case, or by number where the dataset names none.
/// A model may have more.
///
/// # Errors
/// [`EvaluationError::Structures`].
pub fn match_structures(model: &[Structure], dataset: &Dataset) -> Result<Vec<usize>, EvaluationError> {
    let key = |structure: &Structure| structure.name.trim().to_lowercase();
    let position = |i: usize, structure: &Structure| match dataset.has_names {
        true => model.iter().position(|candidate| key(candidate) == key(structure)),
        false => Some(i).filter(|&i| i < model.len()),
    };
    let matched: Vec<_> = dataset.structures.iter().enumerate().map(|(i, s)| position(i, s)).collect();
    let names = |structures: &[Structure]| structures.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    let missing = dataset.structures.iter().zip(&matched).filter(|(_, found)| found.is_none());
    let missing: Vec<_> = missing.map(|(structure, _)| structure.name.clone()).collect();
    if !missing.is_empty() {
        let (model, dataset) = (names(model), names(&dataset.structures));
        return Err(EvaluationError::Structures { missing, model, dataset });
    }
    Ok(matched.into_iter().flatten().collect())
}

/// The picture with the model's class ids; `matched` is [`match_structures`]'s.
pub fn relabel(mut picture: LabelledPicture, matched: &[usize]) -> LabelledPicture {
    let mut class_ids = [0; 256];
    for (id, structure) in class_ids.iter_mut().skip(1).zip(matched) {
        // A model has 255 structures at most.
        *id = *structure as u8 + 1;
    }
    picture.class_ids.iter_mut().for_each(|id| *id = class_ids[usize::from(*id)]);
    picture
}

/// How good a model is on its own: means over pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct AutonomousScores {
    /// Dice of each structure over the pictures in which it is labelled; `None` where it is in none.
    pub dice: Vec<Option<f64>>,
    /// In how many of all pictures and structures presence or absence is said rightly, 0 to 1; `None` without pictures.
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
