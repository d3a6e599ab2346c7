//! A segmenter whose frames and prompts are computed by a GPU's engine. What is asked seldom (a look inside, following
//! through a video) is computed by the model's own device, from the features that the GPU found.

use burn::tensor::{Tensor, TensorData};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::{Decoded, Mode, Request, RequestError, Segmenter, StructurePrompts};
use crate::checkpoint::collect;
use crate::frame::Frame;
use crate::gpu::{Answer, Dense, Engine, Gpu, GpuError, Question, Weights};
use crate::model::{ImageFeatures, PointLabel};
use crate::preprocess::FrameTransform;

/// A model on a GPU and the frame that it encoded last.
#[derive(Debug)]
pub(super) struct OnGpu {
    engine: Engine,
    looked_at: Mutex<Weak<GpuFrame>>,
}

/// A frame for a GPU, which has the features of one frame at a time and looks again when it is asked about another.
#[derive(Debug)]
pub(super) struct GpuFrame {
    frame: Frame,
    transform: FrameTransform,
    /// The predictor's box of each structure, in units of the input.
    boxes: OnceLock<Vec<[f32; 4]>>,
    /// Logits `[structures, image_size / 4, image_size / 4]`.
    interim_masks: OnceLock<Vec<f32>>,
}

impl From<GpuError> for RequestError {
    fn from(error: GpuError) -> Self {
        Self::Device(error.to_string())
    }
}

impl OnGpu {
    /// Looks at a frame.
    pub(super) fn look(&self, frame: &Frame, transform: FrameTransform) -> Arc<GpuFrame> {
        let frame =
            GpuFrame { frame: frame.clone(), transform, boxes: OnceLock::new(), interim_masks: OnceLock::new() };
        let frame = Arc::new(frame);
        self.with(&frame, |_| ());
        frame
    }

    /// Submits something to the GPU about a frame; no other frame comes between.
    fn with<'a, T>(&'a self, frame: &Arc<GpuFrame>, submit: impl FnOnce(&'a Engine) -> T) -> T {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let this = Arc::downgrade(frame);
        if !looked_at.ptr_eq(&this) {
            self.engine.encode(&frame.frame, &frame.transform);
            *looked_at = this;
        }
        submit(&self.engine)
    }

    async fn answer(&self, frame: &Arc<GpuFrame>, question: &Question) -> Result<Answer, RequestError> {
        let asked = self.with(frame, |engine| engine.ask(question))?;
        let answer = asked.answer().await?;
        frame.boxes.get_or_init(|| answer.boxes.clone());
        if question.interim_masks {
            frame.interim_masks.get_or_init(|| answer.interim_masks.clone());
        }
        Ok(answer)
    }

    /// The predictor's boxes and interim masks of a frame, once a question about it has brought them.
    async fn predicted<'a>(&self, frame: &'a Arc<GpuFrame>) -> Result<(&'a [[f32; 4]], &'a [f32]), RequestError> {
        if frame.interim_masks.get().is_none() {
            let question = Question {
                structures: vec![0],
                tokens: Vec::new(),
                manual: Vec::new(),
                dense: Dense::Predicted,
                multimask_output: false,
                interim_masks: true,
            };
            self.answer(frame, &question).await?;
        }
        let boxes = frame.boxes.get().map(Vec::as_slice).unwrap_or_default();
        Ok((boxes, frame.interim_masks.get().map(Vec::as_slice).unwrap_or_default()))
    }
}

impl Segmenter {
    /// The same model with its frames and prompts computed by a GPU. Its weights are read on the device they are on.
    ///
    /// # Errors
    /// [`GpuError::NotCovered`] where there are no kernels for the network, [`GpuError::Device`].
    pub fn on_gpu(self, gpu: Gpu) -> Result<Self, GpuError> {
        Engine::covers(&self.config)?;
        let weights = Weights::from(&collect(&self.model));
        let engine = Engine::new(gpu, &self.config, self.card.normalization, &weights)?;
        Ok(Self { gpu: Some(OnGpu { engine, looked_at: Mutex::new(Weak::new()) }), ..self })
    }

    /// The GPU that computes frames and prompts, where one does.
    pub fn gpu(&self) -> Option<&Gpu> {
        self.gpu.as_ref().map(|gpu| gpu.engine.gpu())
    }

    fn of_frame(&self) -> Result<&OnGpu, RequestError> {
        let other = || RequestError::Device("the frame was looked at by another segmenter".into());
        self.gpu.as_ref().ok_or_else(other)
    }

    /// A frame's features on the model's own device, as it computes them for a picture.
    pub(super) async fn read_features(&self, frame: &Arc<GpuFrame>) -> Result<ImageFeatures, RequestError> {
        let gpu = self.of_frame()?;
        let [embedding, finest, finer] = gpu.with(frame, Engine::features).await?;
        let map = |values: Vec<f32>, part: usize| -> Tensor<4> {
            let side = self.config.image_size / part;
            let channels = values.len() / (side * side);
            Tensor::from_data(TensorData::new(values, [1, side, side, channels]), &self.device)
        };
        Ok(ImageFeatures { image_embedding: map(embedding, 16), high_res_features: [map(finest, 4), map(finer, 8)] })
    }

    pub(super) async fn gpu_boxes(&self, frame: &Arc<GpuFrame>) -> Result<Vec<[f32; 4]>, RequestError> {
        match frame.boxes.get() {
            Some(boxes) => Ok(boxes.clone()),
            None => Ok(self.of_frame()?.predicted(frame).await?.0.to_vec()),
        }
    }

    pub(super) async fn gpu_interim_masks(&self, frame: &Arc<GpuFrame>) -> Result<Vec<f32>, RequestError> {
        Ok(self.of_frame()?.predicted(frame).await?.1.to_vec())
    }

    /// The answers to the learnt prompts of some structures.
    pub(super) async fn gpu_answer_unprompted(
        &self,
        frame: &Arc<GpuFrame>,
        structures: &[usize],
        request: &Request,
    ) -> Result<Vec<Decoded>, RequestError> {
        let question = Question {
            structures: structures.to_vec(),
            tokens: self.kept_tokens(&request.tokens_off),
            manual: Vec::new(),
            dense: Dense::Predicted,
            multimask_output: request.multimask_output,
            // What a calibration wants to know comes with the first answer.
            interim_masks: self.card.calibration.is_some() && frame.interim_masks.get().is_none(),
        };
        let answer = self.of_frame()?.answer(frame, &question).await?;
        Ok(self.chosen(structures, answer))
    }

    /// The answer to a person's prompts for a structure; `mask` is in place of the predicted one.
    pub(super) async fn gpu_answer_prompted(
        &self,
        frame: &Arc<GpuFrame>,
        prompts: &StructurePrompts,
        mask: Option<Vec<f32>>,
        request: &Request,
    ) -> Result<Decoded, RequestError> {
        let gpu = self.of_frame()?;
        let point = |x: f32, y: f32| frame.transform.to_input([x, y]);
        let points: Vec<_> = prompts.points.iter().map(|p| (point(p.x, p.y), p.label == PointLabel::Inside)).collect();
        let bounding_box = prompts.bounding_box.map(|corners| frame.transform.box_to_input(corners));
        let is_manual = request.mode == Mode::Manual;
        let question = Question {
            structures: vec![prompts.structure],
            tokens: if is_manual { Vec::new() } else { self.kept_tokens(&request.tokens_off) },
            manual: gpu.engine.embed_prompts(&points, bounding_box),
            dense: match mask {
                Some(mask) => Dense::Mask(mask),
                None if is_manual => Dense::Nothing,
                None => Dense::Predicted,
            },
            multimask_output: request.multimask_output,
            interim_masks: false,
        };
        let answer = gpu.answer(frame, &question).await?;
        Ok(self.chosen(&[prompts.structure], answer).remove(0))
    }

    /// What the GPU has of a frame and answers in the autonomous mode, by the names of the golden vectors.
    #[cfg(target_arch = "wasm32")]
    pub(crate) async fn gpu_tensors(
        &self,
        frame: &super::EncodedFrame,
    ) -> Result<Vec<(String, Vec<f32>)>, RequestError> {
        let super::frame::Features::OnGpu(frame) = &frame.features else { return Ok(Vec::new()) };
        let gpu = self.of_frame()?;
        let tensors = gpu.with(frame, Engine::tensors).await?;
        let mut found: Vec<_> = tensors.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
        let question = Question {
            structures: (0..self.config.structures).collect(),
            tokens: self.kept_tokens(&[]),
            manual: Vec::new(),
            dense: Dense::Predicted,
            multimask_output: false,
            interim_masks: false,
        };
        let Answer { masks, iou, object_score, .. } = gpu.answer(frame, &question).await?;
        found.extend([
            ("decoder.low_res_masks".to_owned(), masks),
            ("decoder.iou".to_owned(), iou),
            ("decoder.object_score_logits".to_owned(), object_score),
        ]);
        Ok(found)
    }

    fn chosen(&self, structures: &[usize], answer: Answer) -> Vec<Decoded> {
        let scores = answer.object_score.into_iter().map(Some).collect();
        self.best_of(structures, &answer.masks, &answer.iou, scores)
    }
}
