//! From a person's prompts and the learnt ones to mask logits.

use burn::tensor::{Int, Tensor, TensorData};

use super::clock::Clock;
use super::interactive;
use super::masks::{Decoded, read_floats};
use super::{EncodedFrame, Mode, Request, RequestError, Segmenter, StructurePrompts};
use crate::brush::{PAINTED_LOGIT, paint};
use crate::model::{ManualPrompts, Point, PredictedPrompts};
use crate::nn::on_pool;
use crate::preprocess::FrameTransform;

impl Segmenter {
    /// What the prompt predictor makes of a frame, computed once.
    pub(super) fn predicted<'a>(&self, frame: &'a EncodedFrame) -> Result<&'a PredictedPrompts, RequestError> {
        if let Some((predicted, _)) = frame.predicted.get() {
            return Ok(predicted);
        }
        let mut clock = Clock::start();
        let predicted = on_pool(|| self.model.predict_prompts(&frame.features)).ok_or(RequestError::ManualOnly)?;
        clock.lap("prompt_predictor");
        Ok(&frame.predicted.get_or_init(|| (predicted, clock.laps.remove(0))).0)
    }

    /// The masks that a request asks for, in the order of their structures.
    pub(crate) async fn decode(&self, frame: &EncodedFrame, request: &Request) -> Result<Vec<Decoded>, RequestError> {
        self.check(request)?;
        let mut decoded = Vec::new();
        let predicted = if request.mode == Mode::Manual { None } else { Some(self.predicted(frame)?) };
        let prompted = |i: usize| request.prompts.iter().find(|prompts| prompts.structure == i);
        let unprompted = |i: &usize| request.mode == Mode::Autonomous || prompted(*i).is_none();
        let (alone, with_person): (Vec<_>, Vec<_>) = (0..self.config.structures).partition(unprompted);
        let learnt = predicted.and_then(|predicted| self.learnt_tokens(predicted, &request.tokens_off));
        if let Some(predicted) = predicted.filter(|_| !alone.is_empty()) {
            let rows = self.indices(&alone);
            let sparse = learnt.clone().map(|learnt| learnt.select(0, rows.clone()));
            let dense = predicted.dense.clone().select(0, rows);
            let masks = on_pool(|| self.model.decode_masks(&frame.features, sparse, dense, request.multimask_output));
            decoded.extend(self.read(&alone, masks).await?);
        }
        for i in with_person {
            let Some(prompts) = prompted(i) else { continue };
            let learnt = learnt.clone().map(|learnt| learnt.narrow(0, i, 1));
            decoded.push(self.answer_person(frame, prompts, predicted, learnt, request.multimask_output).await?);
        }
        decoded.sort_by_key(|decoded| decoded.structure);
        if self.card.interactive {
            interactive::obey(&mut decoded, &request.prompts, &frame.transform);
        }
        Ok(decoded)
    }

    /// The mask of one structure that a person speaks of. `predicted` is what the predictor makes of the frame, `None` in manual
    /// mode; `learnt` are those of the structure's learnt prompts that count, `[1, tokens, dim]`.
    async fn answer_person(
        &self,
        frame: &EncodedFrame,
        prompts: &StructurePrompts,
        predicted: Option<&PredictedPrompts>,
        learnt: Option<Tensor<3>>,
        multimask_output: bool,
    ) -> Result<Decoded, RequestError> {
        let mut mask = self.mask_prompt(predicted, frame, prompts).await?;
        let points = prompts.points.len();
        // With anything but a click to start from there is an answer before the first click.
        let has_start = predicted.is_some() || prompts.bounding_box.is_some() || mask.is_some();
        let first = match self.card.interactive {
            true => usize::from(!has_start).min(points),
            false => points,
        };
        let mut answer = None;
        for shown in first..=points {
            let is_painted = mask.is_some();
            let shown = StructurePrompts { points: prompts.points[..shown].to_vec(), ..prompts.clone() };
            let manual = self.model.encode_prompts(&self.to_input(&shown, mask.take(), &frame.transform));
            let (sparse, dense) = match predicted {
                None => (manual.sparse, manual.dense),
                Some(predicted) => {
                    let sparse: Vec<_> = learnt.clone().into_iter().chain(manual.sparse).collect();
                    let predicted = || predicted.dense.clone().narrow(0, prompts.structure, 1);
                    let sparse = (!sparse.is_empty()).then(|| Tensor::cat(sparse, 1));
                    (sparse, if is_painted { manual.dense } else { predicted() })
                }
            };
            let masks = on_pool(|| self.model.decode_masks(&frame.features, sparse, dense, multimask_output));
            let decoded = self.read(&[prompts.structure], masks).await?.remove(0);
            mask = Some(decoded.logits.clone());
            answer = Some(decoded);
        }
        Ok(answer.expect("the range has at least its last element"))
    }

    /// The learnt prompts `[structures, tokens, dim]` without those that are off; `None` where all are.
    fn learnt_tokens(&self, predicted: &PredictedPrompts, off: &[usize]) -> Option<Tensor<3>> {
        let sparse = predicted.sparse.clone();
        if off.is_empty() {
            return Some(sparse);
        }
        let kept: Vec<usize> = (0..self.config.tokens).filter(|token| !off.contains(token)).collect();
        (!kept.is_empty()).then(|| sparse.select(1, self.indices(&kept)))
    }

    fn indices(&self, indices: &[usize]) -> Tensor<1, Int> {
        let values = indices.iter().map(|&i| i as i32).collect::<Vec<_>>();
        Tensor::from_data(TensorData::new(values, [indices.len()]), &self.device)
    }

    /// The predictor's box of each structure, left, top, right, bottom in pixels of the frame.
    pub(crate) async fn predicted_boxes(&self, frame: &EncodedFrame) -> Result<Vec<[f32; 4]>, RequestError> {
        let size = self.config.image_size as f32;
        let boxes = read_floats(self.predicted(frame)?.boxes.clone()).await?;
        let corners = boxes.as_chunks::<4>().0.iter().map(|corners| corners.map(|corner| corner * size));
        Ok(corners.map(|corners| frame.transform.box_to_frame(corners)).collect())
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

    /// The logits of a person's mask prompt, strokes painted over them; `None` where there is neither mask nor stroke.
    async fn mask_prompt(
        &self,
        predicted: Option<&PredictedPrompts>,
        frame: &EncodedFrame,
        prompts: &StructurePrompts,
    ) -> Result<Option<Vec<f32>>, RequestError> {
        let Some(predicted) = predicted.filter(|_| !prompts.strokes.is_empty()) else {
            return Ok(self.manual_mask(prompts, &frame.transform));
        };
        let mut logits = read_floats(predicted.interim_mask.clone().narrow(0, prompts.structure, 1)).await?;
        paint(&prompts.strokes, &frame.transform, &mut logits);
        Ok(Some(logits))
    }

    /// As [`mask_prompt`](Self::mask_prompt), where nothing is predicted.
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
