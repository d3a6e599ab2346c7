//! Following structures through a video. What is remembered stays with the model; masks cross.

use js_sys::{Array, Float32Array};
use wasm_bindgen::prelude::*;

use super::model::Model;
use super::request::read_request;
use super::result::{segmentation_object, set};
use super::types::{FollowedObject, RequestObject};
use crate::postprocess::ClassMap;
use crate::segmenter::{Segmenter, VideoFrame};
use crate::tracker::{Answer, Direction, Tracker};

#[wasm_bindgen]
impl Model {
    /// Whether the model can follow structures: its file has SAM 2's memory.
    pub fn can_follow(&self) -> bool {
        self.segmenter.model().memory().is_some()
    }

    /// Starts on a video of so many frames, or on one whose end is not known; what is remembered of another is forgotten.
    pub fn start_video(&mut self, frames: Option<usize>) -> Result<(), JsError> {
        self.tracker = Some(Tracker::new(&self.segmenter, frames)?);
        Ok(())
    }

    /// Finds structures from the prompts of a request on the frame that was encoded last, frame `at` of the video: a start, or a
    /// correction of what was just followed.
    pub async fn prompt_video(&mut self, at: usize, request: RequestObject) -> Result<FollowedObject, JsError> {
        let prompts = read_request(request)?.prompts;
        let (segmenter, frame, tracker) = self.video()?;
        let answers = tracker.prompt(segmenter, at, frame, &prompts).await?;
        followed_object(segmenter, frame, &answers)
    }

    /// Takes the masks of these structures on the frame that was encoded last as they are: class ids, row by row, as an answer has
    /// them.
    pub async fn accept_masks(
        &mut self,
        at: usize,
        class_ids: Vec<u8>,
        structures: Vec<u32>,
    ) -> Result<FollowedObject, JsError> {
        let (segmenter, frame, tracker) = self.video()?;
        let [height, width] = frame.transform.frame_size;
        if class_ids.len() != height * width {
            return Err(JsError::new("the masks are not of the frame's size"));
        }
        let map = ClassMap::from_labels(width, class_ids, segmenter.structures().len());
        let structures: Vec<usize> = structures.into_iter().map(|structure| structure as usize).collect();
        let answers = tracker.take_masks(segmenter, at, frame, &map, &structures).await?;
        followed_object(segmenter, frame, &answers)
    }

    /// Follows every structure that was prompted on a frame before to the frame that was encoded last, frame `at` of the video.
    pub async fn follow(&mut self, at: usize, backward: bool) -> Result<FollowedObject, JsError> {
        let direction = if backward { Direction::Backward } else { Direction::Forward };
        let (segmenter, frame, tracker) = self.video()?;
        let all: Vec<usize> = (0..segmenter.structures().len()).collect();
        let answers = tracker.follow(segmenter, at, frame, direction, &all).await?;
        followed_object(segmenter, frame, &answers)
    }
}

impl Model {
    fn video(&mut self) -> Result<(&Segmenter, &VideoFrame, &mut Tracker), JsError> {
        let Self { segmenter, video_frame, tracker, .. } = self;
        let frame = video_frame.as_ref().ok_or_else(|| JsError::new("there is no frame yet: call encode first"))?;
        let tracker = tracker.as_mut().ok_or_else(|| JsError::new("there is no video yet: call start_video first"))?;
        Ok((segmenter, frame, tracker))
    }
}

/// Answers as a segmentation with the masks' logits beside it.
fn followed_object(segmenter: &Segmenter, frame: &VideoFrame, answers: &[Answer]) -> Result<FollowedObject, JsError> {
    let object: JsValue = segmentation_object(&segmenter.show(frame, answers), None)?.into();
    let logits: Array = answers.iter().map(|answer| Float32Array::from(answer.logits.as_slice())).collect();
    set(&object, "logits", &logits);
    Ok(object.unchecked_into())
}
