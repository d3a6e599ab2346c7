//! Following structures through a video with SAM 2's memory: frames in, prompts on any of them, masks out, forwards and backwards.
//!
//! ```text
//! Segmenter::encode_video_frame   looks at a frame, once
//! Tracker::prompt, take_masks     prompts or masks of a person or of the prompt predictor on a frame
//! Tracker::follow                 the other frames, one after the other
//! Segmenter::show                 what was found, at the frame's size
//! ```
//!
//! A prompt on a frame that was just followed corrects it with what is remembered; following on from there takes the correction along.
//! However long the video, each structure keeps the memories of seven frames and sixteen pointers, and as many about each frame that was
//! prompted.

mod history;
mod step;

pub use history::{Direction, History};
pub use step::{Given, Postprocessing, Step, StepDetail, StepOutput, Stepper};

use burn::tensor::{Tensor, TensorData};

use crate::config::MemoryConfig;
use crate::nn::{Interpolation, on_pool, resize};
use crate::postprocess::ClassMap;
use crate::preprocess::FrameTransform;
use crate::segmenter::{
    Clock, Decoded, Mode, Request, RequestError, Segmentation, Segmenter, StructurePrompts, VideoFrame, masks,
    read_floats,
};

/// Logits of an earlier mask are held to this, as SAM 2's video predictor does.
const MOST_LOGIT: f32 = 32.0;

/// Why a structure cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrackError {
    /// The model has no memory.
    #[error(
        "this model cannot track structures through a video, because it has no memory of earlier frames; choose a checkpoint of SAM 2 or SAM 2.1, or a model file made of one"
    )]
    NoMemory,
    /// A structure's prompts are empty.
    #[error(
        "there is no point, box, stroke or mask for structure {0}, counted from 0; add one or leave the structure out"
    )]
    NoPrompt(usize),
    /// A class map of another frame's size.
    #[error("the masks have {found_width} x {found_height} pixels, the frame {width} x {height}; give the frame's own")]
    MaskSize {
        /// Columns of the masks.
        found_width: usize,
        /// Rows of the masks.
        found_height: usize,
        /// Columns of the frame.
        width: usize,
        /// Rows of the frame.
        height: usize,
    },
    /// The prompts do not fit the model, or the device failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// What was found of one structure on a frame; [`Segmenter::show`] makes masks of the frame's size of it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which structure, counted from 0.
    pub structure: usize,
    /// Mask logits `[image_size / 4, image_size / 4]`: of a correction, the earlier mask. -1024 where the structure is absent.
    pub logits: Vec<f32>,
    /// Predicted IoU of the mask.
    pub iou: f32,
    /// Logit of its presence.
    pub object_score: f32,
}

impl Answer {
    /// Whether the structure is on the frame.
    pub fn is_present(&self) -> bool {
        self.object_score > 0.0
    }
}

/// The structures of a model, as they are followed through one video.
#[derive(Debug)]
pub struct Tracker {
    /// What is remembered of each.
    histories: Vec<History>,
    memory: MemoryConfig,
    num_frames: Option<usize>,
    postprocessing: Postprocessing,
}

impl Tracker {
    /// For a video of `num_frames`, or one whose end is not known.
    ///
    /// # Errors
    /// [`TrackError::NoMemory`].
    pub fn new(segmenter: &Segmenter, num_frames: Option<usize>) -> Result<Self, TrackError> {
        let memory = segmenter.config.memory.ok_or(TrackError::NoMemory)?;
        let histories = vec![History::default(); segmenter.config.structures];
        Ok(Self { histories, memory, num_frames, postprocessing: Postprocessing::default() })
    }

    /// Finds structures from a person's prompts on frame `at`. Where a structure was followed to the frame lately, this corrects
    /// it, and [`StructurePrompts::mask`] may hold its earlier logits; elsewhere it is a new start.
    ///
    /// # Errors
    /// [`TrackError`].
    pub async fn prompt(
        &mut self,
        segmenter: &Segmenter,
        at: usize,
        frame: &VideoFrame,
        prompts: &[StructurePrompts],
    ) -> Result<Vec<Answer>, TrackError> {
        segmenter.check(&Request { mode: Mode::Manual, prompts: prompts.to_vec(), ..Request::default() })?;
        if let Some(empty) = prompts.iter().find(|prompts| prompts.is_empty()) {
            return Err(TrackError::NoPrompt(empty.structure));
        }
        let mut found = Vec::new();
        for prompts in prompts {
            let mut manual = segmenter.manual_prompts(prompts, &frame.transform);
            manual.mask = manual.mask.map(|mask| mask.clamp(-MOST_LOGIT, MOST_LOGIT));
            let followed = self.histories[prompts.structure].direction_at(at);
            let step = Step {
                frame: at,
                given: Given::Prompts(manual),
                is_conditioning: followed.is_none(),
                direction: followed.unwrap_or_default(),
            };
            found.push(self.take_step(segmenter, frame, prompts.structure, &step).await?);
        }
        Ok(found)
    }

    /// Takes masks that are known on frame `at` as they are, for these structures: a person's, or the prompt predictor's. Where a structure
    /// is not in the map, that is taken as well.
    ///
    /// # Errors
    /// [`TrackError`].
    pub async fn take_masks(
        &mut self,
        segmenter: &Segmenter,
        at: usize,
        frame: &VideoFrame,
        map: &ClassMap,
        structures: &[usize],
    ) -> Result<Vec<Answer>, TrackError> {
        let [height, width] = frame.transform.frame_size;
        if [map.height, map.width] != [height, width] {
            return Err(TrackError::MaskSize { found_width: map.width, found_height: map.height, width, height });
        }
        self.check(structures)?;
        let mut found = Vec::new();
        for &structure in structures {
            let mask = input_mask(segmenter, map, structure, &frame.transform);
            let step =
                Step { frame: at, given: Given::Mask(mask), is_conditioning: true, direction: Direction::Forward };
            found.push(self.take_step(segmenter, frame, structure, &step).await?);
        }
        Ok(found)
    }

    /// Finds those of `structures` that were prompted on a frame before `at` on this way, and not on `at` itself. Frames come one after the
    /// other; one that is left out is as if nothing were known of it.
    ///
    /// # Errors
    /// [`TrackError`].
    pub async fn follow(
        &mut self,
        segmenter: &Segmenter,
        at: usize,
        frame: &VideoFrame,
        direction: Direction,
        structures: &[usize],
    ) -> Result<Vec<Answer>, TrackError> {
        self.check(structures)?;
        let mut found = Vec::new();
        for &structure in structures {
            if self.histories[structure].can_be_followed(at, direction) {
                let step = Step { frame: at, given: Given::Nothing, is_conditioning: false, direction };
                found.push(self.take_step(segmenter, frame, structure, &step).await?);
            }
        }
        Ok(found)
    }

    /// Memories kept, of all structures and frames.
    pub fn memories(&self) -> usize {
        self.histories.iter().map(History::memories).sum()
    }

    fn check(&self, structures: &[usize]) -> Result<(), RequestError> {
        let has = self.histories.len();
        let unknown = structures.iter().find(|&&structure| structure >= has);
        unknown.map_or(Ok(()), |&asked| Err(RequestError::NoSuchStructure { asked, has }))
    }

    /// Takes a step and remembers it.
    async fn take_step(
        &mut self,
        segmenter: &Segmenter,
        frame: &VideoFrame,
        structure: usize,
        step: &Step,
    ) -> Result<Answer, TrackError> {
        let stepper = Stepper {
            model: &segmenter.model,
            memory: segmenter.model.memory().ok_or(TrackError::NoMemory)?,
            config: &segmenter.config,
            postprocessing: self.postprocessing,
            num_frames: self.num_frames,
        };
        let features = segmenter.video_features(frame).await?;
        let history = &mut self.histories[structure];
        let output = on_pool(|| stepper.step(&features, history, step, &mut |_| {}));
        let answer = Answer {
            structure,
            logits: read_floats(output.low_res_masks).await?,
            iou: read_floats(output.iou).await?[0],
            object_score: read_floats(output.object_score_logits).await?[0],
        };
        if step.is_conditioning {
            history.insert_conditioning(step.frame, output.memory);
        } else {
            history.insert_tracked(step.frame, step.direction, output.memory);
        }
        history.forget_far_from(step.frame, &self.memory);
        Ok(answer)
    }
}

impl Segmenter {
    /// Answers of a tracker as masks of the frame: as [`segment`](Self::segment), without what the prompt predictor expected.
    pub fn show(&self, frame: &VideoFrame, answers: &[Answer]) -> Segmentation {
        let decoded = |answer: &Answer| Decoded {
            structure: answer.structure,
            logits: answer.logits.clone(),
            iou: answer.iou,
            object_score: Some(answer.object_score),
            present: answer.is_present(),
        };
        let decoded: Vec<_> = answers.iter().map(decoded).collect();
        masks(&decoded, &frame.transform, &[], true, Clock::after(frame.timings.clone()))
    }
}

/// A structure's pixels of a class map as the model's input has them: zeros and ones `[1, image_size, image_size, 1]`.
fn input_mask(segmenter: &Segmenter, map: &ClassMap, structure: usize, transform: &FrameTransform) -> Tensor<4> {
    let FrameTransform { frame_size: [height, width], resized: [rows, columns], image_size } = *transform;
    let values: Vec<f32> =
        map.class_ids.iter().map(|&id| f32::from(u8::from(usize::from(id) == structure + 1))).collect();
    let mask = Tensor::<4>::from_data(TensorData::new(values, [1, height, width, 1]), &segmenter.device);
    let mask = resize(mask, [rows, columns], Interpolation::Antialiased);
    let mask = mask.zeros_like().mask_fill(mask.greater_equal_elem(0.5), 1.0);
    let empty = Tensor::zeros([1, image_size, image_size, 1], &segmenter.device);
    empty.slice_assign([0..1, 0..rows, 0..columns, 0..1], mask)
}
