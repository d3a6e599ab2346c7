//! Learning in the browser: a model's file and labelled frames in; losses, checkpoints and a model file out.
//!
//! Nothing here blocks: the caller asks for one step after the other and can do other work in between.

use burn::tensor::{Device, read_sync};
use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use super::result::object;
use crate::checkpoint::{Checkpoint, Dtype, LoadOptions};
use crate::frame::{Frame, LabelledPicture};
use crate::learner::few_shot::{self, Lesson};
use crate::learner::{CardConfig, LearnError, Learner, MemoryStore, Saved, StartFile};
use crate::nn::on_pool;
use crate::segmenter::{Request, Segmenter};
use crate::structure::Structure;

/// Image features that are kept in memory, in bytes; those of a small model's twenty frames take 80 MB.
const FEATURE_ROOM: usize = 384 << 20;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What is learnt, from what. */
export interface LearningJob {
  /** The base model's file name. */
  base: string;
  /** All structures that the learnt model has; class id i + 1 of a labelled frame is number i. */
  structures: { name: string; color: [number, number, number] }[];
  /** Those of them whose masks the base model gives on frames that nobody labelled them on: they are kept as they are. */
  kept: number[];
  seed: number;
  /** How many steps; as many as fit the frames where it is left out. */
  steps?: number;
  /** Where frames and labels come from, for the model's card. */
  training_data: string;
}

/** What is about to happen. */
export interface LearningPlan {
  steps: number;
  /** Steps done, where it goes on from a checkpoint. */
  step: number;
  mode: "peft" | "ppn-only";
  /** One sentence: why that mode. */
  reason: string;
  weights: { trained: number; all: number };
  /** Frames that are not learnt from but judge the result, by their number. */
  held_back: number[];
}

export interface LearningStep {
  step: number;
  total: number;
  dice: number;
}

/** How good the network is on the frames that are kept apart. */
export interface LearningValidation {
  step: number;
  /** Of each structure; null where it is in none of the frames. */
  dice: (number | null)[];
  mean_dice: number;
  is_best: boolean;
  /** Its answer on each of the frames. */
  answers: { frame: number; width: number; height: number; class_ids: Uint8Array }[];
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "LearningJob")]
    pub type LearningJobObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "LearningPlan")]
    pub type LearningPlanObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "LearningStep")]
    pub type LearningStepObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "LearningValidation | null")]
    pub type LearningValidationObject;
}

#[derive(Deserialize)]
struct WebJob {
    base: String,
    structures: Vec<Structure>,
    kept: Vec<usize>,
    seed: u64,
    steps: Option<usize>,
    training_data: String,
}

#[derive(Serialize)]
struct WebPlan {
    steps: usize,
    step: usize,
    mode: crate::learner::Trainable,
    reason: String,
    weights: WebWeights,
    held_back: Vec<usize>,
}

#[derive(Serialize)]
struct WebWeights {
    trained: usize,
    all: usize,
}

#[derive(Serialize)]
struct WebStep {
    step: usize,
    total: f64,
    dice: f64,
}

/// Labelled frames, handed over one by one.
#[wasm_bindgen]
#[derive(Default)]
pub struct LabelledFrames {
    lessons: Vec<Lesson>,
}

#[wasm_bindgen]
impl LabelledFrames {
    /// None yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more: `width * height` pixels of red, green, blue, alpha, as many class ids, and the structures that are outlined or
    /// said to be absent.
    pub fn add(
        &mut self,
        name: String,
        rgba: &[u8],
        width: usize,
        height: usize,
        class_ids: Vec<u8>,
        structures: Vec<u32>,
    ) -> Result<(), JsError> {
        let frame = Frame::from_rgba(width, height, rgba)?;
        if class_ids.len() != width * height {
            return Err(JsError::new("the labels are not of the frame's size"));
        }
        let structures = structures.into_iter().map(|structure| structure as usize).collect();
        self.lessons
            .push(Lesson { picture: LabelledPicture { name, frame, class_ids, pixel_spacing_mm: None }, structures });
        Ok(())
    }
}

/// A training, done step by step.
#[wasm_bindgen]
pub struct Learning {
    learner: Learner,
    reason: String,
    /// The frames that are held back for validation, by their number.
    held_back: Vec<(usize, Frame)>,
}

#[wasm_bindgen]
impl Learning {
    /// Prepares the training of a base model on frames; `checkpoint` is what [`save`](Self::save) gave of the same one.
    #[wasm_bindgen(constructor)]
    pub fn new(
        base: Vec<u8>,
        frames: LabelledFrames,
        job: LearningJobObject,
        checkpoint: Option<Vec<u8>>,
    ) -> Result<Self, JsError> {
        let WebJob { base: name, structures, kept, seed, steps, training_data } =
            serde_wasm_bindgen::from_value(job.into())?;
        let open = || Checkpoint::from_bytes(base.clone()).map_err(LearnError::from);
        let checkpoint_file = open()?;
        let image_size = checkpoint_file.image_size(None)?;
        let choice = few_shot::choose(&checkpoint_file, &structures);
        let mut lessons = frames.lessons;
        let held_back = few_shot::held_back(lessons.len());
        if !kept.is_empty() {
            let teacher = Segmenter::load(open()?, &LoadOptions::default(), &Device::flex())?;
            let names: Vec<&str> = structures.iter().map(|structure| structure.name.as_str()).collect();
            for (i, lesson) in lessons.iter_mut().enumerate().filter(|(i, _)| !held_back.contains(i)) {
                few_shot::complete(lesson, &teacher, &names, &kept)
                    .map_err(|error| JsError::new(&format!("frame {}: {error}", i + 1)))?;
            }
        }
        let apart = held_back.iter().filter_map(|&i| Some((i, lessons.get(i)?.picture.frame.clone()))).collect();
        let trained = lessons.len() - held_back.len();
        let card = CardConfig { training_data, ..CardConfig::default() };
        let mut recipe = few_shot::recipe(&choice, image_size, trained, seed, card);
        recipe.steps = steps.unwrap_or(recipe.steps);
        let data = few_shot::data(structures, lessons, &held_back, String::new(), seed, image_size)?;
        let saved = checkpoint.map(|bytes| Saved::from_bytes(&bytes, &recipe)).transpose()?;
        let file = StartFile { name, checkpoint: checkpoint_file };
        let store = Box::new(MemoryStore::new(FEATURE_ROOM));
        let learner = Learner::new(recipe, Some(file), data, saved, store)?;
        Ok(Self { learner, reason: choice.reason, held_back: apart })
    }

    /// What is about to happen.
    pub fn plan(&self) -> Result<LearningPlanObject, JsError> {
        let (trained, all) = self.learner.weights();
        let recipe = self.learner.recipe();
        let plan = WebPlan {
            steps: recipe.steps,
            step: self.learner.counters().step,
            mode: recipe.mode,
            reason: self.reason.clone(),
            weights: WebWeights { trained, all },
            held_back: self.held_back.iter().map(|(i, _)| *i).collect(),
        };
        Ok(serde_wasm_bindgen::to_value(&plan)?.unchecked_into())
    }

    /// Whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.learner.is_finished()
    }

    /// Whether [`validate`](Self::validate) is to be called before the next step.
    pub fn is_validation_due(&self) -> bool {
        self.learner.is_validation_due()
    }

    /// One step.
    pub fn step(&mut self) -> Result<LearningStepObject, JsError> {
        let step = on_pool(|| self.learner.step())?;
        let step = WebStep { step: step.step, total: step.losses.total, dice: step.losses.dice };
        Ok(serde_wasm_bindgen::to_value(&step)?.unchecked_into())
    }

    /// Evaluates the network on the frames that are held back for validation; null where there are none.
    pub fn validate(&mut self) -> Result<LearningValidationObject, JsError> {
        let Some(found) = on_pool(|| self.learner.validate())? else {
            return Ok(JsValue::NULL.unchecked_into());
        };
        let all: Vec<usize> = (0..self.learner.card().structures.len()).collect();
        let segmenter = self.learner.segmenter(&all);
        let answer = |(i, frame): &(usize, Frame)| {
            let map = read_sync(segmenter.segment(&segmenter.encode(frame), &Request::default()))?.map;
            Ok(object(&[
                ("frame", (*i as u32).into()),
                ("width", map.width.into()),
                ("height", map.height.into()),
                ("class_ids", Uint8Array::from(map.class_ids.as_slice()).into()),
            ]))
        };
        let answers: Array = self.held_back.iter().map(answer).collect::<Result<_, JsError>>()?;
        let figure = |dice: &Option<f64>| dice.map_or(JsValue::NULL, JsValue::from);
        let dice: Array = found.scores.dice.iter().map(figure).collect();
        Ok(object(&[
            ("step", (found.step as u32).into()),
            ("dice", dice.into()),
            ("mean_dice", found.scores.mean_dice().into()),
            ("is_best", found.is_best.into()),
            ("answers", answers.into()),
        ])
        .unchecked_into())
    }

    /// A checkpoint to go on from.
    pub fn save(&self) -> Result<Uint8Array, JsError> {
        let bytes = self.learner.save()?.to_bytes(self.learner.recipe())?;
        Ok(Uint8Array::from(bytes.as_slice()))
    }

    /// The model file of the network as it is now, in half precision.
    pub fn model_file(&self) -> Result<Uint8Array, JsError> {
        Ok(Uint8Array::from(self.learner.model_file(Dtype::F16)?.as_slice()))
    }
}
