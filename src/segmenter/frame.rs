//! Encoded frames.

use std::sync::{Arc, Mutex, OnceLock};

#[cfg(feature = "gpu")]
use super::on_gpu::GpuFrame;
use super::{Decoded, Request, RequestError, Segmenter, Timing};
use crate::model::{ImageFeatures, PredictedPrompts};
use crate::preprocess::FrameTransform;

/// A frame that has been looked at.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    pub(crate) transform: FrameTransform,
    pub(super) features: Features,
    /// Computed for the first request that asks the prompt predictor, with the time it took.
    pub(super) predicted: OnceLock<(PredictedPrompts, Timing)>,
    pub(super) unprompted: Arc<Mutex<Unprompted>>,
    pub(super) timings: Vec<Timing>,
}

/// An encoded frame of a video, to track through or to segment as a single picture ([`Segmenter::as_picture`]).
#[derive(Debug, Clone)]
pub struct VideoFrame {
    pub(crate) transform: FrameTransform,
    /// Before anything is said of earlier frames.
    pub(super) features: Features,
    pub(crate) timings: Vec<Timing>,
}

/// What was computed of a frame, and where it is.
#[allow(clippy::large_enum_variant, reason = "one in a frame, whose features are far larger")]
#[derive(Debug, Clone)]
pub(super) enum Features {
    /// On the model's own device.
    Here(ImageFeatures),
    #[cfg(feature = "gpu")]
    OnGpu(Arc<GpuFrame>),
}

/// The answers to the learnt prompts alone that a frame has: a request with prompts for one structure asks nothing new of
/// the others.
#[derive(Debug, Default)]
pub(super) struct Unprompted {
    tokens_off: Vec<usize>,
    multimask_output: bool,
    answers: Vec<Decoded>,
}

impl Unprompted {
    /// The answers to requests like this one, by structure.
    pub(super) fn like(&mut self, request: &Request) -> &mut Vec<Decoded> {
        if self.tokens_off != request.tokens_off || self.multimask_output != request.multimask_output {
            let Request { tokens_off, multimask_output, .. } = request.clone();
            *self = Self { tokens_off, multimask_output, answers: Vec::new() };
        }
        &mut self.answers
    }
}

impl Segmenter {
    /// The features of a frame, on the model's own device.
    pub(crate) async fn features(&self, frame: &EncodedFrame) -> Result<ImageFeatures, RequestError> {
        match &frame.features {
            Features::Here(features) => Ok(features.clone()),
            #[cfg(feature = "gpu")]
            Features::OnGpu(frame) => self.read_features(frame).await,
        }
    }

    /// As [`features`](Self::features), before anything is said of earlier frames.
    pub(crate) async fn video_features(&self, frame: &VideoFrame) -> Result<ImageFeatures, RequestError> {
        match &frame.features {
            Features::Here(features) => Ok(features.clone()),
            #[cfg(feature = "gpu")]
            Features::OnGpu(frame) => Ok(self.model.before_memory(self.read_features(frame).await?)),
        }
    }
}
