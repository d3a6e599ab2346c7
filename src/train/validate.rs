//! How well a network segments pictures that it is not trained on: Dice and presence of each structure, as a user would see
//! them.

use burn::tensor::{Device, read_sync};
use serde::{Deserialize, Serialize};

use crate::checkpoint::ModelCard;
use crate::config::Sam2RadConfig;
use crate::dataset::LabelledPicture;
use crate::model::Sam2Rad;
use crate::postprocess::ClassMap;
use crate::segmenter::{Request, RequestError, Segmenter};

/// Labelled pixels of the frame from which on a structure counts as present.
const MIN_PIXELS: usize = 11;

/// The means over the validation pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Dice of each structure over the pictures that have it; `None` where none has.
    pub dice: Vec<Option<f64>>,
    /// Share of all pictures and structures whose presence is told rightly.
    pub presence_accuracy: f64,
}

impl Validation {
    /// The mean over the structures.
    pub fn mean_dice(&self) -> f64 {
        let known: Vec<f64> = self.dice.iter().flatten().copied().collect();
        known.iter().sum::<f64>() / known.len().max(1) as f64
    }
}

/// Segments the pictures in autonomous mode. The first `kept` answers come back with the means.
///
/// # Errors
/// [`RequestError`].
pub fn validate(
    model: Sam2Rad,
    network: &Sam2RadConfig,
    card: &ModelCard,
    pictures: &[LabelledPicture],
    kept: usize,
) -> Result<(Validation, Vec<ClassMap>), RequestError> {
    let segmenter = Segmenter::new(model, network.clone(), card.clone(), Device::flex());
    let structures = card.structures.len();
    let (mut sums, mut counts, mut right) = (vec![0.0; structures], vec![0usize; structures], 0usize);
    let mut maps = Vec::new();
    for picture in pictures {
        let found = read_sync(segmenter.segment(&segmenter.encode(&picture.frame), &Request::default()))?;
        for structure in &found.structures {
            let i = structure.structure;
            let (common, truth) = overlap(&picture.class_ids, &found.map.class_ids, i + 1);
            let is_there = truth >= MIN_PIXELS;
            right += usize::from(is_there == structure.present);
            if is_there {
                sums[i] += 2.0 * common as f64 / (truth + structure.area) as f64;
                counts[i] += 1;
            }
        }
        if maps.len() < kept {
            maps.push(found.map);
        }
    }
    let dice = sums.iter().zip(&counts).map(|(sum, &count)| (count > 0).then(|| sum / count as f64)).collect();
    let presence_accuracy = right as f64 / (pictures.len() * structures).max(1) as f64;
    Ok((Validation { dice, presence_accuracy }, maps))
}

/// Pixels that have the class in both maps, and in the truth.
fn overlap(truth: &[u8], found: &[u8], class_id: usize) -> (usize, usize) {
    let is = |id: u8| usize::from(id) == class_id;
    let common = truth.iter().zip(found).filter(|(truth, found)| is(**truth) && is(**found)).count();
    (common, truth.iter().filter(|&&id| is(id)).count())
}
