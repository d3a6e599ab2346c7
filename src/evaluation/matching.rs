//! Which of a model's structures a dataset labels, and why a model cannot be judged on it.

use crate::dataset::{Dataset, DatasetError};
use crate::frame::LabelledPicture;
use crate::segmenter::RequestError;
use crate::structure::Structure;

/// Why a model could not be judged, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
