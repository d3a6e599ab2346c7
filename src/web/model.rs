//! A loaded model that segments frames.

use js_sys::{Float32Array, Object, Reflect};
use wasm_bindgen::prelude::*;

use super::request::read_request;
use super::result::{explanation_object, segmentation_object};
use super::types::{ExplanationObject, ModelCardObject, RequestObject, SegmentationObject, TensorsObject};
use crate::frame::Frame;
use crate::measure::measure;
use crate::segmenter::{EncodedFrame, Segmenter, VideoFrame};
use crate::tracker::Tracker;

/// A model, the frame it looks at, and what it remembers of a video.
#[wasm_bindgen]
pub struct Model {
    pub(super) segmenter: Segmenter,
    frame: Option<EncodedFrame>,
    pub(super) video_frame: Option<VideoFrame>,
    pub(super) tracker: Option<Tracker>,
}

#[wasm_bindgen]
impl Model {
    /// What the file says of the model; the image size is the one it runs at.
    pub fn card(&self) -> Result<ModelCardObject, JsError> {
        Ok(serde_wasm_bindgen::to_value(self.segmenter.card())?.unchecked_into())
    }

    /// Whether the model answers in manual mode only: its file has no prompt predictor.
    pub fn is_manual_only(&self) -> bool {
        self.segmenter.is_manual_only()
    }

    /// Looks at a frame, `width * height` pixels of red, green, blue, alpha: once for all requests on it, following among
    /// them.
    pub fn encode(&mut self, rgba: &[u8], width: usize, height: usize) -> Result<(), JsError> {
        let frame = self.segmenter.encode_video_frame(&Frame::from_rgba(width, height, rgba)?);
        self.frame = Some(self.segmenter.as_picture(&frame));
        self.video_frame = Some(frame);
        Ok(())
    }

    /// Segments the frame that was encoded last; an empty request is the autonomous mode. `spacing_mm` is the size of a pixel,
    /// x and y, for measurements in mm; without it pixels are taken to be square.
    pub async fn segment(
        &self,
        request: RequestObject,
        spacing_mm: Option<Vec<f64>>,
    ) -> Result<SegmentationObject, JsError> {
        let segmentation = self.segmenter.segment(self.frame()?, &read_request(request)?).await?;
        let names: Vec<&str> = self.segmenter.structures().iter().map(|structure| structure.name.as_str()).collect();
        let spacing_mm = spacing_mm.and_then(|sides| sides.try_into().ok());
        let measurement = measure(&segmentation.map, &names, spacing_mm);
        Ok(segmentation_object(&segmentation, measurement.as_ref())?)
    }

    /// Looks inside the answer to a request on the frame that was encoded last.
    pub async fn explain(&self, request: RequestObject) -> Result<ExplanationObject, JsError> {
        let explanation = self.segmenter.explain(self.frame()?, &read_request(request)?).await?;
        Ok(explanation_object(&explanation, self.segmenter.card().image_size / 4)?)
    }

    /// What the model computes on its way from the frame to the masks, by the names of the reference's tensors; maps are
    /// `[.., height, width, channels]`.
    pub async fn inspect(&self) -> Result<TensorsObject, JsError> {
        let tensors = Object::new();
        for (name, values) in self.segmenter.inspect(self.frame()?).await? {
            let values = Float32Array::from(values.as_slice());
            Reflect::set(&tensors, &name.into(), &values)
                .map_err(|_| JsError::new("a tensor could not be handed over"))?;
        }
        Ok(tensors.unchecked_into())
    }
}

impl Model {
    /// A model that has seen no frame yet.
    pub fn new(segmenter: Segmenter) -> Self {
        Self { segmenter, frame: None, video_frame: None, tracker: None }
    }

    fn frame(&self) -> Result<&EncodedFrame, JsError> {
        self.frame.as_ref().ok_or_else(|| JsError::new("there is no frame yet: call encode first"))
    }
}
