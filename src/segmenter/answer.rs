//! From a frame's features, a person's prompts and the learnt ones to mask logits: one structure after the other, a person's
//! clicks one after the other.

use burn::tensor::{Int, Tensor, TensorData};
use std::sync::PoisonError;

use super::clock::Clock;
use super::frame::Features;
use super::interactive;
use super::masks::{Decoded, read_floats};
use super::{EncodedFrame, Mode, Request, RequestError, Segmenter, StructurePrompts};
use crate::brush::{PAINTED_LOGIT, paint};
use crate::model::{ImageFeatures, ManualPrompts, Point, PredictedPrompts};
use crate::nn::on_pool;
use crate::preprocess::FrameTransform;

impl Segmenter {
    /// The masks that a request asks for, in the order of their structures.
    pub(crate) async fn decode(&self, frame: &EncodedFrame, request: &Request) -> Result<Vec<Decoded>, RequestError> {
        self.check(request)?;
        let mut decoded = Vec::new();
        let prompted = |i: usize| request.prompts.iter().find(|prompts| prompts.structure == i);
        let is_unprompted = |i: &usize| request.mode == Mode::Autonomous || prompted(*i).is_none();
        let (unprompted, with_person): (Vec<_>, Vec<_>) = (0..self.config.structures).partition(is_unprompted);
        if request.mode != Mode::Manual {
            decoded.extend(self.answer_unprompted(frame, &unprompted, request).await?);
        }
        for prompts in with_person.into_iter().filter_map(prompted) {
            decoded.push(self.answer_person(frame, prompts, request).await?);
        }
        decoded.sort_by_key(|decoded| decoded.structure);
        if self.card.interactive {
            interactive::obey(&mut decoded, &request.prompts, &frame.transform);
        }
        Ok(decoded)
    }

    /// The answers to the learnt prompts of some structures alone; those that the frame has are not asked for again.
    async fn answer_unprompted(
        &self,
        frame: &EncodedFrame,
        structures: &[usize],
        request: &Request,
    ) -> Result<Vec<Decoded>, RequestError> {
        let known = || frame.unprompted.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |i: &usize| known().like(request).iter().any(|decoded| decoded.structure == *i);
        let missing: Vec<usize> = structures.iter().copied().filter(|i| !has(i)).collect();
        if !missing.is_empty() {
            let found = match &frame.features {
                Features::Here(features) => {
                    let predicted = self.predicted(frame, features)?;
                    let rows = self.indices(&missing);
                    let sparse = self.learnt_tokens(predicted, &request.tokens_off);
                    let sparse = sparse.map(|learnt| learnt.select(0, rows.clone()));
                    let dense = predicted.dense.clone().select(0, rows);
                    let masks = on_pool(|| self.model.decode_masks(features, sparse, dense, request.multimask_output));
                    self.read(&missing, masks).await?
                }
                #[cfg(feature = "gpu")]
                Features::OnGpu(frame) => self.gpu_answer_unprompted(frame, &missing, request).await?,
            };
            known().like(request).extend(found);
        }
        let mut known = known();
        let known = known.like(request).iter();
        Ok(known.filter(|decoded| structures.contains(&decoded.structure)).cloned().collect())
    }

    /// The mask of one structure that a person speaks of.
    async fn answer_person(
        &self,
        frame: &EncodedFrame,
        prompts: &StructurePrompts,
        request: &Request,
    ) -> Result<Decoded, RequestError> {
        let is_manual = request.mode == Mode::Manual;
        let mut mask = match is_manual || prompts.strokes.is_empty() {
            true => self.manual_mask(prompts, &frame.transform),
            false => Some(self.painted_interim_mask(frame, prompts).await?),
        };
        let points = prompts.points.len();
        // With anything but a click to start from there is an answer before the first click.
        let has_start = !is_manual || prompts.bounding_box.is_some() || mask.is_some();
        let first = match self.card.interactive {
            true => usize::from(!has_start).min(points),
            false => points,
        };
        let mut answer = None;
        for shown in first..=points {
            let is_unprompted = shown == 0 && !is_manual && prompts.bounding_box.is_none() && mask.is_none();
            let decoded = if is_unprompted {
                self.answer_unprompted(frame, &[prompts.structure], request).await?.remove(0)
            } else {
                let shown = StructurePrompts { points: prompts.points[..shown].to_vec(), ..prompts.clone() };
                self.answer_prompted(frame, &shown, mask.take(), request).await?
            };
            mask = Some(decoded.logits.clone());
            answer = Some(decoded);
        }
        Ok(answer.expect("the range has at least its last element"))
    }

    /// The decoder's answer to a person's prompts for a structure and, but for manual mode, the learnt ones. `mask` is in
    /// place of the predicted one.
    async fn answer_prompted(
        &self,
        frame: &EncodedFrame,
        prompts: &StructurePrompts,
        mask: Option<Vec<f32>>,
        request: &Request,
    ) -> Result<Decoded, RequestError> {
        #[cfg_attr(not(feature = "gpu"), allow(clippy::infallible_destructuring_match))]
        let features = match &frame.features {
            Features::Here(features) => features,
            #[cfg(feature = "gpu")]
            Features::OnGpu(frame) => return self.gpu_answer_prompted(frame, prompts, mask, request).await,
        };
        let is_painted = mask.is_some();
        let manual = self.model.encode_prompts(&self.to_input(prompts, mask, &frame.transform));
        let (sparse, dense) = if request.mode == Mode::Manual {
            (manual.sparse, manual.dense)
        } else {
            let predicted = self.predicted(frame, features)?;
            let learnt = self.learnt_tokens(predicted, &request.tokens_off);
            let learnt = learnt.map(|learnt| learnt.narrow(0, prompts.structure, 1));
            let sparse: Vec<_> = learnt.into_iter().chain(manual.sparse).collect();
            let predicted = || predicted.dense.clone().narrow(0, prompts.structure, 1);
            let sparse = (!sparse.is_empty()).then(|| Tensor::cat(sparse, 1));
            (sparse, if is_painted { manual.dense } else { predicted() })
        };
        let masks = on_pool(|| self.model.decode_masks(features, sparse, dense, request.multimask_output));
        Ok(self.read(&[prompts.structure], masks).await?.remove(0))
    }

    /// What the prompt predictor makes of a frame with these features, computed once.
    pub(super) fn predicted<'a>(
        &self,
        frame: &'a EncodedFrame,
        features: &ImageFeatures,
    ) -> Result<&'a PredictedPrompts, RequestError> {
        if let Some((predicted, _)) = frame.predicted.get() {
            return Ok(predicted);
        }
        let mut clock = Clock::start();
        let predicted = on_pool(|| self.model.predict_prompts(features)).ok_or(RequestError::ManualOnly)?;
        clock.lap("prompt_predictor");
        Ok(&frame.predicted.get_or_init(|| (predicted, clock.laps.remove(0))).0)
    }

    /// The predictor's box of each structure, left, top, right, bottom in pixels of the frame.
    pub(crate) async fn predicted_boxes(&self, frame: &EncodedFrame) -> Result<Vec<[f32; 4]>, RequestError> {
        let size = self.config.image_size as f32;
        let boxes = match &frame.features {
            Features::Here(features) => {
                read_floats(self.predicted(frame, features)?.boxes.clone()).await?.as_chunks::<4>().0.to_vec()
            }
            #[cfg(feature = "gpu")]
            Features::OnGpu(frame) => self.gpu_boxes(frame).await?,
        };
        let corners = boxes.iter().map(|corners| corners.map(|corner| corner * size));
        Ok(corners.map(|corners| frame.transform.box_to_frame(corners)).collect())
    }

    /// The predictor's masks before the decoder draws them: logits `[structures, image_size / 4, image_size / 4]`.
    pub(crate) async fn interim_masks(&self, frame: &EncodedFrame) -> Result<Vec<f32>, RequestError> {
        match &frame.features {
            Features::Here(features) => read_floats(self.predicted(frame, features)?.interim_mask.clone()).await,
            #[cfg(feature = "gpu")]
            Features::OnGpu(frame) => self.gpu_interim_masks(frame).await,
        }
    }

    pub(crate) fn check(&self, request: &Request) -> Result<(), RequestError> {
        let (has, side) = (self.config.structures, self.config.low_res_size());
        if self.is_manual_only() && request.mode != Mode::Manual {
            return Err(RequestError::ManualOnly);
        }
        if let Some(&asked) = request.tokens_off.iter().find(|&&token| token >= self.config.tokens) {
            return Err(RequestError::NoSuchToken { asked, has: self.config.tokens });
        }
        for prompts in &request.prompts {
            if prompts.structure >= has {
                return Err(RequestError::NoSuchStructure { asked: prompts.structure, has });
            }
            if request.mode != Mode::Manual && prompts.mask.is_some() {
                return Err(RequestError::MaskMode);
            }
            if let Some(found) = prompts.mask.as_ref().map(Vec::len).filter(|&found| found != side * side) {
                return Err(RequestError::MaskSize { found, side });
            }
        }
        Ok(())
    }

    /// The learnt prompts `[structures, tokens, dim]` without those that are off; `None` where all are.
    fn learnt_tokens(&self, predicted: &PredictedPrompts, off: &[usize]) -> Option<Tensor<3>> {
        let sparse = predicted.sparse.clone();
        if off.is_empty() {
            return Some(sparse);
        }
        let kept = self.kept_tokens(off);
        (!kept.is_empty()).then(|| sparse.select(1, self.indices(&kept)))
    }

    /// The learnt tokens that are not off.
    pub(super) fn kept_tokens(&self, off: &[usize]) -> Vec<usize> {
        (0..self.config.tokens).filter(|token| !off.contains(token)).collect()
    }

    fn indices(&self, indices: &[usize]) -> Tensor<1, Int> {
        let values = indices.iter().map(|&i| i as i32).collect::<Vec<_>>();
        Tensor::from_data(TensorData::new(values, [indices.len()]), &self.device)
    }

    /// A person's strokes over what the predictor expects of a structure: logits.
    async fn painted_interim_mask(
        &self,
        frame: &EncodedFrame,
        prompts: &StructurePrompts,
    ) -> Result<Vec<f32>, RequestError> {
        let cells = self.config.low_res_size().pow(2);
        let mut logits = self.interim_masks(frame).await?[prompts.structure * cells..][..cells].to_vec();
        paint(&prompts.strokes, &frame.transform, &mut logits);
        Ok(logits)
    }

    /// The logits of a person's mask prompt, strokes painted over them; `None` where there is neither mask nor stroke.
    fn manual_mask(&self, prompts: &StructurePrompts, transform: &FrameTransform) -> Option<Vec<f32>> {
        if prompts.strokes.is_empty() {
            return prompts.mask.clone();
        }
        let nothing = || vec![-PAINTED_LOGIT; self.config.low_res_size().pow(2)];
        let mut logits = prompts.mask.clone().unwrap_or_else(nothing);
        paint(&prompts.strokes, transform, &mut logits);
        Some(logits)
    }

    /// A person's prompts alone, in pixels of the model's input.
    pub(crate) fn manual_prompts(&self, prompts: &StructurePrompts, transform: &FrameTransform) -> ManualPrompts {
        self.to_input(prompts, self.manual_mask(prompts, transform), transform)
    }

    /// A person's prompts in pixels of the model's input, with the logits of the mask prompt.
    fn to_input(
        &self,
        prompts: &StructurePrompts,
        mask: Option<Vec<f32>>,
        transform: &FrameTransform,
    ) -> ManualPrompts {
        let side = self.config.low_res_size();
        let points = prompts.points.iter().map(|point| {
            let [x, y] = transform.to_input([point.x, point.y]);
            Point { x, y, label: point.label }
        });
        ManualPrompts {
            points: points.collect(),
            bounding_box: prompts.bounding_box.map(|corners| transform.box_to_input(corners)),
            mask: mask.map(|mask| Tensor::from_data(TensorData::new(mask, [1, side, side, 1]), &self.device)),
        }
    }
}
