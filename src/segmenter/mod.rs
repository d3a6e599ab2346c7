//! A loaded model: a frame and prompts in, masks at the frame's size out, in the three modes of the paper (section 3).
//!
//! [`Segmenter::encode`] looks at a frame once; [`Segmenter::segment`] then answers any number of requests on it.

mod answer;
mod clock;
mod frame;
mod interactive;
mod masks;
#[cfg(feature = "gpu")]
mod on_gpu;
mod request;
mod result;
mod sureness;

use burn::tensor::{Device, Tensor, TensorData};
use std::sync::{Arc, OnceLock};

use crate::checkpoint::{Checkpoint, CheckpointError, LoadOptions, Loaded, ModelCard};
use crate::config::Sam2RadConfig;
use crate::frame::Frame;
use crate::model::Sam2Rad;
use crate::nn::on_pool;
use crate::preprocess::preprocess;
use crate::structure::Structure;
pub(crate) use clock::Clock;
pub use clock::Timing;
use frame::Features;
pub use frame::{EncodedFrame, VideoFrame};
pub(crate) use masks::{Decoded, masks, read_floats};
pub use request::{FramePoint, Mode, Request, RequestError, StructurePrompts};
pub use result::{Segmentation, StructureResult};
pub use sureness::{Calibration, Signs};

/// A model with what its file says of it.
#[derive(Debug)]
pub struct Segmenter {
    pub(crate) model: Sam2Rad,
    pub(crate) config: Sam2RadConfig,
    card: ModelCard,
    pub(crate) device: Device,
    /// Where frames and prompts are computed, if not on `device`.
    #[cfg(feature = "gpu")]
    gpu: Option<on_gpu::OnGpu>,
}

impl Segmenter {
    /// A network on `device` and its card.
    pub fn new(model: Sam2Rad, config: Sam2RadConfig, card: ModelCard, device: Device) -> Self {
        Self {
            model,
            config,
            card,
            device,
            #[cfg(feature = "gpu")]
            gpu: None,
        }
    }

    /// A model from a file, on the CPU: a model file, or a checkpoint of SAM, SAM 2, MobileSAM or Sam2Rad.
    ///
    /// # Errors
    /// [`CheckpointError`].
    #[cfg(feature = "cpu")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, CheckpointError> {
        Self::load(Checkpoint::open(path.as_ref())?, &LoadOptions::default(), &Device::flex())
    }

    /// As [`open`](Self::open), from a file in memory.
    ///
    /// # Errors
    /// [`CheckpointError`].
    #[cfg(feature = "cpu")]
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        Self::load(Checkpoint::from_bytes(bytes)?, &LoadOptions::default(), &Device::flex())
    }

    /// A model from an opened file.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn load(checkpoint: Checkpoint, options: &LoadOptions, device: &Device) -> Result<Self, CheckpointError> {
        let Loaded { model, config, card, .. } = checkpoint.load(options, device)?;
        Ok(Self::new(model, config, card, device.clone()))
    }

    /// Whether only manual mode is answered: the model has no prompt predictor.
    pub fn is_manual_only(&self) -> bool {
        !self.config.parts.prompt_predictor
    }

    /// The network.
    pub fn model(&self) -> &Sam2Rad {
        &self.model
    }

    /// What the file says of the model.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The structures, in the order of their numbers.
    pub fn structures(&self) -> &[Structure] {
        &self.card.structures
    }

    /// Computes what serves every request on a frame.
    pub fn encode(&self, frame: &Frame) -> EncodedFrame {
        self.as_picture(&self.encode_video_frame(frame))
    }

    /// Computes what serves every request on a frame of a video.
    pub fn encode_video_frame(&self, frame: &Frame) -> VideoFrame {
        let mut clock = Clock::start();
        let size = self.config.image_size;
        let transform = self.config.fit.transform(frame.width(), frame.height(), size);
        #[cfg(feature = "gpu")]
        if let Some(gpu) = &self.gpu {
            let features = Features::OnGpu(gpu.look(frame, transform));
            clock.lap("image_encoder");
            return VideoFrame { transform, features, timings: clock.laps };
        }
        let pixels = preprocess(frame, &transform, &self.card.normalization);
        let image = Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &self.device);
        clock.lap("preprocess");
        let features = Features::Here(on_pool(|| self.model.encode_video_frame(image)));
        clock.lap("image_encoder");
        VideoFrame { transform, features, timings: clock.laps }
    }

    /// A frame of a video as a single picture.
    pub fn as_picture(&self, frame: &VideoFrame) -> EncodedFrame {
        let features = match &frame.features {
            Features::Here(features) => Features::Here(self.model.without_memory(features)),
            #[cfg(feature = "gpu")]
            Features::OnGpu(frame) => Features::OnGpu(frame.clone()),
        };
        EncodedFrame {
            transform: frame.transform,
            features,
            predicted: OnceLock::new(),
            unprompted: Arc::default(),
            timings: frame.timings.clone(),
        }
    }

    /// Answers a request from a frame's features: the decoder alone.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn segment(&self, frame: &EncodedFrame, request: &Request) -> Result<Segmentation, RequestError> {
        let asks_predictor = request.mode != Mode::Manual;
        #[allow(irrefutable_let_patterns, reason = "without a GPU there is one place")]
        if let Features::Here(features) = &frame.features
            && asks_predictor
        {
            self.predicted(frame, features)?;
        }
        let predictor = frame.predicted.get().filter(|_| asks_predictor).map(|(_, timing)| timing);
        let mut clock = Clock::after(frame.timings.iter().chain(predictor).cloned().collect());
        let decoded = self.decode(frame, request).await?;
        let boxes = if asks_predictor { self.predicted_boxes(frame).await? } else { Vec::new() };
        clock.lap("mask_decoder");
        let mut answer = masks(&decoded, &frame.transform, &boxes, request.contours, clock);
        if let Some(calibration) = &self.card.calibration {
            let signs = self.signs_of(frame, &decoded, request.mode).await?;
            for (structure, signs) in answer.structures.iter_mut().zip(&signs) {
                structure.expected_dice = Some(calibration.expected_dice(signs));
            }
        }
        Ok(answer)
    }

    /// What the network says of its own answer to a request, by structure: what a [`Calibration`] is fitted on.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn signs(&self, frame: &EncodedFrame, request: &Request) -> Result<Vec<(usize, Signs)>, RequestError> {
        let decoded = self.decode(frame, request).await?;
        let signs = self.signs_of(frame, &decoded, request.mode).await?;
        Ok(decoded.iter().map(|decoded| decoded.structure).zip(signs).collect())
    }

    async fn signs_of(
        &self,
        frame: &EncodedFrame,
        decoded: &[Decoded],
        mode: Mode,
    ) -> Result<Vec<Signs>, RequestError> {
        let interim = match mode {
            Mode::Manual => None,
            _ => Some(self.interim_masks(frame).await?),
        };
        let cells = self.config.low_res_size().pow(2);
        let signs = decoded.iter().map(|decoded| {
            let interim = interim.as_ref().map(|all| &all[decoded.structure * cells..][..cells]);
            Signs::new(&decoded.logits, decoded.iou, decoded.object_score.unwrap_or(0.0), interim)
        });
        Ok(signs.collect())
    }

    /// As [`segment`](Self::segment), for those who do not await; not in a browser, where nothing may block.
    ///
    /// # Errors
    /// [`RequestError`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn segment_blocking(&self, frame: &EncodedFrame, request: &Request) -> Result<Segmentation, RequestError> {
        burn::tensor::read_sync(self.segment(frame, request))
    }
}
