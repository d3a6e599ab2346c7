//! A model at work: a frame and prompts in, masks at the frame's size out, in the three modes of the paper (section 3).
//!
//! [`Segmenter::encode`] looks at a frame once; [`Segmenter::segment`] then answers any number of requests on it.

mod interactive;
mod request;
mod sureness;

use burn::tensor::{Device, Int, Tensor, TensorData};
use std::sync::OnceLock;
use web_time::Instant;

use crate::brush::{PAINTED_LOGIT, paint};
use crate::checkpoint::{Checkpoint, CheckpointError, LoadOptions, Loaded, ModelCard, Structure};
use crate::config::Sam2RadConfig;
use crate::contour::{Polygon, contours};
use crate::frame::Frame;
use crate::model::{DecodedMasks, ImageFeatures, ManualPrompts, Point, PredictedPrompts, Sam2Rad};
use crate::nn::on_pool;
use crate::postprocess::{ClassMap, PixelBox, StructureLogits, class_map};
use crate::preprocess::{FrameTransform, preprocess};
pub use request::{FramePoint, Mode, Request, RequestError, StructurePrompts};
pub use sureness::{Calibration, Signs};

/// A frame that has been looked at.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    pub(crate) transform: FrameTransform,
    pub(crate) features: ImageFeatures,
    /// Computed for the first request that asks the prompt predictor, with the time it took.
    predicted: OnceLock<(PredictedPrompts, Timing)>,
    timings: Vec<Timing>,
}

/// A frame of a video that has been looked at, to be followed through or segmented by itself ([`Segmenter::as_picture`]).
#[derive(Debug, Clone)]
pub struct VideoFrame {
    pub(crate) transform: FrameTransform,
    /// Before anything is said of earlier frames.
    pub(crate) features: ImageFeatures,
    pub(crate) timings: Vec<Timing>,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// `preprocess`, `image_encoder`, `prompt_predictor`, `mask_decoder` or `postprocess`.
    pub stage: &'static str,
    /// Wall time. On WebGPU a stage's work is only submitted until the mask decoder's result is read.
    pub milliseconds: f64,
}

/// What was found of one structure.
#[derive(Debug, Clone, PartialEq)]
pub struct StructureResult {
    /// Which structure, counted from 0; its pixels have this plus 1 in the class map.
    pub structure: usize,
    /// Whether it is taken to be in the picture: where the model says nothing of that, it is.
    pub present: bool,
    /// Predicted IoU of the mask.
    pub iou: f32,
    /// Logit of its presence; `None` where the model has no object score.
    pub object_score: Option<f32>,
    /// The Dice that the mask may be expected to have, 0 to 1; `None` where the model's file has no [`Calibration`].
    pub expected_dice: Option<f32>,
    /// Pixels of the frame.
    pub area: usize,
    /// The smallest box around the mask.
    pub bounds: Option<PixelBox>,
    /// The box that the prompt predictor expected, left, top, right, bottom in pixels of the frame; `None` in manual mode, which
    /// does not ask it.
    pub predicted_box: Option<[f32; 4]>,
    /// The mask's contours between pixels, holes among them; empty unless they were asked for.
    pub contours: Vec<Polygon>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// Which structure each pixel belongs to.
    pub map: ClassMap,
    /// One entry for each structure that was asked for, as `map.extents`.
    pub structures: Vec<StructureResult>,
    /// Stages in their order.
    pub timings: Vec<Timing>,
}

/// A model with what its file says of it.
#[derive(Debug)]
pub struct Segmenter {
    pub(crate) model: Sam2Rad,
    pub(crate) config: Sam2RadConfig,
    card: ModelCard,
    pub(crate) device: Device,
}

/// One mask before it is resized.
pub(crate) struct Decoded {
    pub(crate) structure: usize,
    /// `[image_size / 4, image_size / 4]`.
    pub(crate) logits: Vec<f32>,
    pub(crate) iou: f32,
    pub(crate) object_score: Option<f32>,
    pub(crate) present: bool,
}

impl Segmenter {
    /// A network on `device` and its card.
    pub fn new(model: Sam2Rad, config: Sam2RadConfig, card: ModelCard, device: Device) -> Self {
        Self { model, config, card, device }
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
        let transform = FrameTransform::new(frame.width(), frame.height(), size);
        let pixels = preprocess(frame, &transform, &self.card.normalization);
        let image = Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &self.device);
        clock.lap("preprocess");
        let features = on_pool(|| self.model.encode_video_frame(image));
        clock.lap("image_encoder");
        VideoFrame { transform, features, timings: clock.laps }
    }

    /// A frame of a video by itself.
    pub fn as_picture(&self, frame: &VideoFrame) -> EncodedFrame {
        EncodedFrame {
            transform: frame.transform,
            features: self.model.without_memory(&frame.features),
            predicted: OnceLock::new(),
            timings: frame.timings.clone(),
        }
    }

    /// What the prompt predictor makes of a frame, computed once.
    fn predicted<'a>(&self, frame: &'a EncodedFrame) -> Result<&'a PredictedPrompts, RequestError> {
        if let Some((predicted, _)) = frame.predicted.get() {
            return Ok(predicted);
        }
        let mut clock = Clock::start();
        let predicted = on_pool(|| self.model.predict_prompts(&frame.features)).ok_or(RequestError::ManualOnly)?;
        clock.lap("prompt_predictor");
        Ok(&frame.predicted.get_or_init(|| (predicted, clock.laps.remove(0))).0)
    }

    /// Answers a request from a frame's features: the decoder alone.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn segment(&self, frame: &EncodedFrame, request: &Request) -> Result<Segmentation, RequestError> {
        let asks_predictor = request.mode != Mode::Manual;
        if asks_predictor {
            self.predicted(frame)?;
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
            _ => Some(read_floats(self.predicted(frame)?.interim_mask.clone()).await?),
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

    /// What the model computes on its way from the frame to the masks of the autonomous mode, by the names that the golden
    /// vectors have for it; maps are `[.., height, width, channels]`. Where it has no prompt predictor, the image features alone.
    ///
    /// # Errors
    /// [`RequestError::Device`].
    pub async fn inspect(&self, frame: &EncodedFrame) -> Result<Vec<(String, Vec<f32>)>, RequestError> {
        let features = &frame.features;
        let mut tensors = vec![
            ("image_embedding".to_owned(), read_floats(features.image_embedding.clone()).await?),
            ("high_res.0".to_owned(), read_floats(features.high_res_features[0].clone()).await?),
            ("high_res.1".to_owned(), read_floats(features.high_res_features[1].clone()).await?),
        ];
        let mut steps = Vec::new();
        let Some(prompts) = self.model.predict_prompts_with_steps(features, &mut |step| steps.push(step)) else {
            return Ok(tensors);
        };
        let decoded = self.model.decode_masks(features, Some(prompts.sparse.clone()), prompts.dense.clone(), false);
        for (i, step) in steps.into_iter().enumerate() {
            tensors.push((format!("ppn.layer.{i}.queries"), read_floats(step.queries).await?));
            tensors.push((format!("ppn.layer.{i}.keys"), read_floats(step.keys).await?));
        }
        tensors.extend([
            ("ppn.pred_boxes".to_owned(), read_floats(prompts.boxes).await?),
            ("ppn.interim_mask".to_owned(), read_floats(prompts.interim_mask).await?),
            ("ppn.sparse".to_owned(), read_floats(prompts.sparse).await?),
            ("ppn.dense".to_owned(), read_floats(prompts.dense).await?),
            ("decoder.low_res_masks".to_owned(), read_floats(decoded.low_res_masks).await?),
            ("decoder.iou".to_owned(), read_floats(decoded.iou).await?),
        ]);
        if let Some(logits) = decoded.object_score_logits {
            tensors.push(("decoder.object_score_logits".to_owned(), read_floats(logits).await?));
        }
        Ok(tensors)
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

    /// Brings decoded masks over from the device; of several candidates the one with the highest predicted IoU.
    async fn read(&self, structures: &[usize], masks: DecodedMasks) -> Result<Vec<Decoded>, RequestError> {
        let [_, candidates, height, width] = masks.low_res_masks.dims();
        let logits = read_floats(masks.low_res_masks).await?;
        let ious = read_floats(masks.iou).await?;
        let scores = match masks.object_score_logits {
            Some(logits) => read_floats(logits).await?.into_iter().map(Some).collect(),
            None => vec![None; structures.len()],
        };
        let each = structures.iter().zip(logits.chunks_exact(candidates * height * width));
        let each = each.zip(ious.chunks_exact(candidates)).zip(scores);
        // SAM 2's own predictor draws what a person points at, whatever the object score.
        let is_gated = !self.is_manual_only();
        Ok(each
            .map(|(((&structure, logits), ious), object_score)| {
                let best = (0..candidates).max_by(|&a, &b| ious[a].total_cmp(&ious[b])).unwrap_or(0);
                let logits = logits[best * height * width..][..height * width].to_vec();
                let present = object_score.is_none_or(|score| score >= 0.0 || !is_gated);
                Decoded { structure, logits, iou: ious[best], object_score, present }
            })
            .collect())
    }
}

impl Decoded {
    pub(crate) fn for_map(&self) -> StructureLogits<'_> {
        let class_id = u8::try_from(self.structure + 1).expect("a configuration has 255 structures at most");
        StructureLogits { class_id, logits: &self.logits, present: self.present }
    }
}

/// Masks at the frame's size, with the predictor's boxes of the structures, where there are any.
pub(crate) fn masks(
    decoded: &[Decoded],
    transform: &FrameTransform,
    boxes: &[[f32; 4]],
    traces_contours: bool,
    mut clock: Clock,
) -> Segmentation {
    let logits: Vec<_> = decoded.iter().map(Decoded::for_map).collect();
    let map = class_map(&logits, transform);
    let contours = match traces_contours {
        true => contours(&logits, transform),
        false => vec![Vec::new(); logits.len()],
    };
    let each = decoded.iter().zip(&logits).zip(&map.extents).zip(contours);
    let structures = each.map(|(((decoded, logits), extent), contours)| StructureResult {
        structure: decoded.structure,
        present: logits.present,
        iou: decoded.iou,
        object_score: decoded.object_score,
        expected_dice: None,
        area: extent.area,
        bounds: extent.bounds,
        predicted_box: boxes.get(decoded.structure).copied(),
        contours,
    });
    let structures = structures.collect();
    clock.lap("postprocess");
    Segmentation { map, structures, timings: clock.laps }
}

pub(crate) async fn read_floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, RequestError> {
    let data = tensor.into_data_async().await.map_err(|error| RequestError::Device(format!("{error:?}")))?;
    Ok(data.iter().collect())
}

/// Takes the time between stages.
pub(crate) struct Clock {
    last: Instant,
    laps: Vec<Timing>,
}

impl Clock {
    fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    /// After stages that were timed before.
    pub(crate) fn after(laps: Vec<Timing>) -> Self {
        Self { laps, ..Self::start() }
    }

    fn lap(&mut self, stage: &'static str) {
        let now = Instant::now();
        self.laps.push(Timing { stage, milliseconds: (now - self.last).as_secs_f64() * 1e3 });
        self.last = now;
    }
}
