//! Learning a person's own structures from a few frames that they labelled: which recipe, and which frames are held back for validation.

use burn::tensor::read_sync;
use rand::seq::SliceRandom;
use std::sync::Arc;

use super::pictures::{TrainingData, TrainingSet};
use super::random::{Purpose, generator};
use super::recipe::{CardConfig, LossConfig, NetworkConfig, OptimizerConfig, Recipe, Rhythm};
use super::{Augmentation, LearnError, PromptMix, Trainable, TrainingPicture};
use crate::checkpoint::{Checkpoint, ModelCard};
use crate::config::{Architecture, Sam2RadConfig};
use crate::frame::LabelledPicture;
use crate::segmenter::{Request, Segmenter};
use crate::structure::Structure;

/// With fewer frames than this none is held back for validation: with three, each is needed.
pub const FEWEST_TO_HOLD_BACK: usize = 4;
/// One frame in so many is held back for validation.
const HELD_BACK_OF: usize = 5;
/// Times that each frame is looked at, for structures that are new and for those that the base knows, and the fewest and the most steps
/// that come of it.
const LOOKS: [usize; 2] = [80, 40];
const STEPS: std::ops::RangeInclusive<usize> = 160..=400;
/// Learnable tokens for each structure, where the base has none.
const TOKENS: usize = 10;
/// Pictures of a step.
const BATCH: usize = 2;
/// Encoders through which a step's gradients go in the time that a person waits, and what their names end in with adapters.
const SMALL_ENCODERS: [&str; 3] = ["nano", "micro", "micro_conv"];
const ADAPTED: &str = "_adapter";
/// The highest learning rate: for structures that are new, and for those that the base knows, which it would forget at the other.
const RATES: [f64; 2] = [1e-3, 1e-4];
/// Augmented views of each frame whose features are computed.
const VIEWS: usize = 8;

/// A frame with what a person said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The frame; class id `i + 1` is structure `i`.
    pub picture: LabelledPicture,
    /// The structures that are outlined in it, or said to be absent, in ascending order. It teaches nothing of others.
    pub structures: Vec<usize>,
}

/// Which weights learn, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What is trainable.
    pub mode: Trainable,
    /// The network with what is added for it; the base's own where nothing is.
    pub architecture: Option<Architecture>,
    /// The base knows every structure.
    pub is_known: bool,
    /// The image encoder learns too, and its finest features have a channel for each structure (deep supervision).
    pub shows_structures: bool,
    /// Why this recipe was chosen, in one sentence to show to the person.
    pub reason: String,
}

/// Chooses by what the base model supports: the paper's recipe where its decoder can have LoRA updates, otherwise only prompts and their predictor.
/// A small encoder gets adapters too; a large one stays frozen, so that each view of a frame is encoded only once.
pub fn choose(base: &Checkpoint, structures: &[Structure]) -> Choice {
    let card = base.card();
    let known =
        |structure: &&Structure| card.is_some_and(|card| card.structures.iter().any(|s| s.name == structure.name));
    let new: Vec<&str> = structures.iter().filter(|s| !known(s)).map(|s| s.name.as_str()).collect();
    let is_known = new.is_empty();
    let Some(architecture) = card.and_then(with_updates) else {
        let reason =
            "This model's decoder takes no updates: prompts and the network that predicts them learn alone (ppn-only).";
        let reason = reason.into();
        return Choice { mode: Trainable::PpnOnly, architecture: None, is_known, shows_structures: false, reason };
    };
    let is_adapted = architecture.image_encoder.ends_with(ADAPTED);
    let network = Sam2RadConfig::new(architecture.clone(), 256, structures.len(), TOKENS);
    let shows_structures =
        is_adapted && network.is_ok_and(|network| structures.len() <= network.finest_feature_channels());
    let adjusted = match is_adapted {
        true => "decoder and image encoder are adjusted a little (peft)",
        false => "the decoder is adjusted a little (peft), and the image encoder stays as it is",
    };
    let reason = match new.as_slice() {
        [] => format!("The model knows these structures: {adjusted}."),
        [one] => format!("{one} is new to the model: prompts are learnt for it, {adjusted}."),
        new => format!("{} are new to the model: prompts are learnt for them, {adjusted}.", new.join(" and ")),
    };
    Choice { mode: Trainable::Peft, architecture: Some(architecture), is_known, shows_structures, reason }
}

/// The base's network with what the paper adds to it; `None` where its decoder takes no LoRA updates.
fn with_updates(card: &ModelCard) -> Option<Architecture> {
    let Architecture { image_encoder, mask_decoder, .. } = &card.architecture;
    let mask_decoder = match mask_decoder.as_str() {
        "sam2_mask_decoder" | "sam2_lora_mask_decoder" => "sam2_lora_mask_decoder",
        "sam_mask_decoder" | "lora_mask_decoder" => "lora_mask_decoder",
        _ => return None,
    };
    let image_encoder = match SMALL_ENCODERS.contains(&image_encoder.as_str()) {
        true => format!("{image_encoder}{ADAPTED}"),
        false => image_encoder.clone(),
    };
    Some(Architecture { image_encoder, mask_decoder: mask_decoder.into(), memory: None, ..card.architecture.clone() })
}

/// Fills in the structures `kept` (numbers among `names`) where nobody labelled them: the teacher's own masks, on what is background.
///
/// # Errors
/// [`LearnError::Request`] where the teacher does not answer.
pub fn complete(lesson: &mut Lesson, teacher: &Segmenter, names: &[&str], kept: &[usize]) -> Result<(), LearnError> {
    let answer = read_sync(teacher.segment(&teacher.encode(&lesson.picture.frame), &Request::default()))?.map;
    for &structure in kept.iter().filter(|structure| !lesson.structures.contains(structure)).collect::<Vec<_>>() {
        let known = teacher.structures().iter().position(|known| known.name == names[structure]);
        let Some(known) = known else { continue };
        for (id, found) in lesson.picture.class_ids.iter_mut().zip(&answer.class_ids) {
            if *id == 0 && usize::from(*found) == known + 1 {
                *id = structure as u8 + 1;
            }
        }
        lesson.structures.push(structure);
    }
    lesson.structures.sort_unstable();
    Ok(())
}

/// The recipe for `trained` frames at a network of `image_size`.
pub fn recipe(choice: &Choice, image_size: usize, trained: usize, seed: u64, card: CardConfig) -> Recipe {
    let looks = LOOKS[usize::from(choice.is_known)];
    let steps = (looks * trained / BATCH).clamp(*STEPS.start(), *STEPS.end());
    Recipe {
        mode: choice.mode,
        seed,
        steps,
        batch_size: BATCH,
        network: NetworkConfig {
            architecture: choice.architecture.clone(),
            image_size: Some(image_size),
            tokens: TOKENS,
            dataset: None,
        },
        prompts: PromptMix { learned: 0.9, bounding_box: 0.2, mask: 0.05, points: 0.1, ..PromptMix::default() },
        // Left and right are not the same in most views.
        augmentation: Augmentation { flip_p: 0.0, ..Augmentation::default() },
        variants: VIEWS,
        // As the models that ship learnt from real pictures.
        loss: LossConfig {
            mask_size: Some(image_size / 2),
            iou_weight: 1.0,
            dice_weight: 2.0,
            interim_dice_weight: 1.0,
            deep_supervision: f64::from(u8::from(choice.shows_structures)),
        },
        optimizer: OptimizerConfig {
            learning_rate: RATES[usize::from(choice.is_known)],
            final_learning_rate: 1e-5,
            warm_up_steps: 20,
            weight_decay: 0.05,
            clip_norm: 1.0,
            average_decay: 0.98,
        },
        rhythm: Rhythm { log_every: 20, validate_every: 40, patience: 0 },
        card,
    }
}

/// Which of `count` frames are held back for validation: evenly spread, none where there are fewer than [`FEWEST_TO_HOLD_BACK`].
pub fn held_back(count: usize) -> Vec<usize> {
    if count < FEWEST_TO_HOLD_BACK {
        return Vec::new();
    }
    let kept = (count / HELD_BACK_OF).max(1);
    (0..kept).map(|i| (2 * i + 1) * count / (2 * kept)).collect()
}

/// The order in which `count` pictures that are read together are counted.
pub(crate) fn order(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut generator(seed, Purpose::Split, 0));
    order
}

/// Lessons as a training takes them, those of `held_back` to validate on; frames that are labelled alike are one set.
///
/// # Errors
/// [`LearnError::Settings`] where nothing is left to learn from.
pub fn data(
    structures: Vec<Structure>,
    lessons: Vec<Lesson>,
    held_back: &[usize],
    description: String,
    seed: u64,
    image_size: usize,
) -> Result<TrainingData, LearnError> {
    let mut sets: Vec<Set> = Vec::new();
    for i in order(lessons.len(), seed) {
        let Lesson { picture, structures } = &lessons[i];
        let known = sets.iter().position(|set| set.structures == *structures);
        let set = known.unwrap_or_else(|| {
            sets.push(Set { structures: structures.clone(), ..Set::default() });
            sets.len() - 1
        });
        let picture = among(picture, structures);
        match held_back.contains(&i) {
            true => sets[set].validation.push(picture),
            false => {
                let picture = TrainingPicture::from_frame(&picture.frame, &picture.class_ids, image_size);
                sets[set].pictures.push(Arc::new(picture));
            }
        }
    }
    if sets.iter().all(|set| set.pictures.is_empty()) {
        return Err(LearnError::Settings("there is no labelled frame to learn from; label some first".into()));
    }
    let sets = sets.into_iter().map(|Set { structures, validation, pictures }| TrainingSet {
        structures,
        validation,
        share: pictures.len() as f64,
        source: Box::new(pictures),
    });
    Ok(TrainingData { structures, sets: sets.collect(), description, seed })
}

#[derive(Default)]
struct Set {
    structures: Vec<usize>,
    validation: Vec<LabelledPicture>,
    pictures: Vec<Arc<TrainingPicture>>,
}

/// The picture with class ids that count these structures alone.
fn among(picture: &LabelledPicture, structures: &[usize]) -> LabelledPicture {
    let mut ids = [0; 256];
    for (place, &structure) in structures.iter().enumerate() {
        ids[structure + 1] = place as u8 + 1;
    }
    let class_ids = picture.class_ids.iter().map(|&id| ids[usize::from(id)]).collect();
    LabelledPicture { class_ids, ..picture.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;

    fn lesson(name: &str, class_ids: Vec<u8>, structures: Vec<usize>) -> Lesson {
        let frame = Frame::from_grey(class_ids.len(), 1, &vec![9; class_ids.len()]).unwrap();
        let picture = LabelledPicture { name: name.into(), frame, class_ids, pixel_spacing_mm: None };
        Lesson { picture, structures }
    }

    fn named(names: &[&str]) -> Vec<Structure> {
        names.iter().map(|name| Structure { name: (*name).into(), color: [0; 3] }).collect()
    }

    #[test]
    fn one_frame_in_five_is_kept_apart_and_none_of_three() {
        assert_eq!(held_back(3), [0; 0]);
        assert_eq!(held_back(4), [2]);
        assert_eq!(held_back(10), [2, 7]);
        for count in 4..60 {
            let kept = held_back(count);
            assert!(kept.windows(2).all(|pair| pair[0] < pair[1]) && kept[kept.len() - 1] < count, "{kept:?}");
        }
    }

    #[test]
    fn frames_that_are_labelled_alike_are_one_set_and_count_their_own_structures() {
        let lessons = vec![
            lesson("a", vec![0, 1, 2], vec![0, 1]),
            lesson("b", vec![2, 2, 0], vec![1]),
            lesson("c", vec![0, 2, 1], vec![0, 1]),
            lesson("d", vec![2, 0, 0], vec![1]),
        ];
        let data = data(named(&["bone", "tendon"]), lessons, &[3], String::new(), 1, 64).unwrap();
        assert_eq!((data.len(), data.validation_len(), data.sets.len()), (3, 1, 2));
        let alone = data.sets.iter().find(|set| set.structures == [1]).unwrap();
        assert_eq!(alone.validation[0].class_ids, [1, 0, 0]);
        assert_eq!(alone.source.count(), 1);
    }

    #[test]
    fn with_every_frame_kept_apart_there_is_nothing_to_learn_from() {
        let lessons = vec![lesson("a", vec![1], vec![0])];
        assert!(matches!(data(named(&["bone"]), lessons, &[0], String::new(), 1, 64), Err(LearnError::Settings(_))));
    }
}
