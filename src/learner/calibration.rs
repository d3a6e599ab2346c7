//! How sure the trained network may be, from the pictures that it is validated on.

use burn::tensor::read_sync;

use super::pictures::TrainingSet;
use super::random::{Purpose, generator};
use super::{Augmentation, LearnError, TrainingPicture};
use crate::evaluation::{Mask, POOR_DICE, dice};
use crate::frame::Frame;
use crate::segmenter::{Calibration, Request, Segmenter, Signs};

/// With fewer pictures nothing is fitted.
const FEWEST: usize = 5;
/// An answer needs a look where it is among this share of the least sure.
const LOOKED_AT: f64 = 0.3;

/// Changed copies of each picture that are looked at beside it: they show the network what it is less sure of.
const VARIANTS: u64 = 3;

/// Fits the expected Dice on the sets' validation pictures, as they are and changed by `augmentation`; `None` where they are
/// too few.
pub(super) fn calibrate(
    sets: &[TrainingSet],
    augmentation: &Augmentation,
    seed: u64,
    segmenter: impl Fn(&TrainingSet) -> Segmenter,
) -> Result<Option<Calibration>, LearnError> {
    let pictures = sets.iter().map(|set| set.validation.len()).sum();
    if pictures < FEWEST {
        return Ok(None);
    }
    let mut answers: Vec<(Signs, f64)> = Vec::new();
    let mut looked_at = 0;
    for set in sets.iter().filter(|set| !set.validation.is_empty()) {
        let segmenter = segmenter(set);
        let image_size = segmenter.card().image_size;
        for picture in &set.validation {
            answers.extend(judge(&segmenter, &picture.frame, &picture.class_ids)?);
            let at_size = TrainingPicture::from_frame(&picture.frame, &picture.class_ids, image_size);
            for variant in 0..VARIANTS {
                let index = looked_at * VARIANTS + variant;
                let changed = augmentation.apply(&at_size, &mut generator(seed, Purpose::Calibration, index));
                let frame = Frame::from_rgb(changed.columns(), changed.rows(), changed.rgb().to_vec());
                let frame = frame.expect("a training picture has its pixels");
                answers.extend(judge(&segmenter, &frame, changed.class_ids())?);
            }
            looked_at += 1;
        }
    }
    let data = format!("{pictures} pictures that training did not see, each also in {VARIANTS} changed copies");
    let mut calibration = Calibration::fit(&answers, pictures, data);
    let mut expected: Vec<f32> = answers.iter().map(|(signs, _)| calibration.expected_dice(signs)).collect();
    expected.sort_by(f32::total_cmp);
    calibration.look_below = expected[(expected.len() as f64 * LOOKED_AT) as usize].max(POOR_DICE as f32);
    Ok(Some(calibration))
}

/// The network's signs for its answers to a picture, with their Dice.
fn judge(segmenter: &Segmenter, frame: &Frame, class_ids: &[u8]) -> Result<Vec<(Signs, f64)>, LearnError> {
    let encoded = segmenter.encode(frame);
    let signs = read_sync(segmenter.signs(&encoded, &Request::default()))?;
    let found = read_sync(segmenter.segment(&encoded, &Request::default()))?.map;
    let answers = signs.into_iter().filter_map(|(structure, signs)| {
        let of = |ids: &[u8]| Mask::of_class(found.width, ids, structure as u8 + 1);
        let (predicted, truth) = (of(&found.class_ids), of(class_ids));
        let is_found = predicted.pixels().contains(&true);
        // What is not there and found is as wrong as can be; what is neither is no answer.
        let dice = dice(predicted.pixels(), truth.pixels()).or(is_found.then_some(0.0))?;
        Some((signs, dice))
    });
    Ok(answers.collect())
}
