//! A model at work: a frame and prompts in, masks at the frame's size out, in the three modes of the paper (section 3).
//!
//! [`Segmenter::encode`] looks at a frame once; [`Segmenter::segment`] then answers any number of requests on it.

use burn::tensor::{Device, Tensor, TensorData};
use web_time::Instant;

use crate::brush::{PAINTED_LOGIT, Stroke, paint};
use crate::checkpoint::{ModelCard, Structure};
use crate::config::Sam2RadConfig;
use crate::contour::{Polygon, contours};
use crate::frame::Frame;
use crate::model::{DecodedMasks, ImageFeatures, ManualPrompts, Point, PointLabel, PredictedPrompts, Sam2Rad};
use crate::postprocess::{ClassMap, PixelBox, StructureLogits, class_map};
use crate::preprocess::{FrameTransform, preprocess};

/// Who says what to segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The learnt prompts alone.
    #[default]
    Autonomous,
    /// The learnt prompts and a person's.
    SemiAutonomous,
    /// A person's alone: SAM as it always was. Structures without prompts are left out.
    Manual,
}

/// A point in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FramePoint {
    /// Column.
    pub x: f32,
    /// Row.
    pub y: f32,
    /// On the structure or off it.
    pub label: PointLabel,
}

/// What a person says of one structure, in pixels of the frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StructurePrompts {
    /// Which structure, counted from 0.
    pub structure: usize,
    /// Clicked points.
    pub points: Vec<FramePoint>,
    /// Left, top, right, bottom.
    pub bounding_box: Option<[f32; 4]>,
    /// Brush strokes, later ones over earlier ones. In semi-autonomous mode they are painted over the interim mask that the
    /// prompt predictor expects (paper, section 3.2) before it is embedded; in manual mode over `mask`, or, where there is none,
    /// over a mask that is sure to be empty. See [`PAINTED_LOGIT`].
    pub strokes: Vec<Stroke>,
    /// Mask logits `[image_size / 4, image_size / 4]`, of an earlier answer; manual mode only, as in the paper.
    pub mask: Option<Vec<f32>>,
}

/// What is asked of a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Whose prompts count.
    pub mode: Mode,
    /// A person's prompts, at most one entry for a structure.
    pub prompts: Vec<StructurePrompts>,
    /// Three candidates for each mask, of which the one with the highest predicted IoU is taken.
    pub multimask_output: bool,
}

/// A request that this model cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The model has fewer structures.
    #[error("there is no structure {asked}: the model has {has}, counted from 0")]
    NoSuchStructure {
        /// The structure asked for.
        asked: usize,
        /// How many there are.
        has: usize,
    },
    /// A mask prompt of the wrong size.
    #[error("a mask prompt has {found} values; for this model it must be {side} x {side} logits")]
    MaskSize {
        /// Values given.
        found: usize,
        /// Side of the right mask.
        side: usize,
    },
    /// A mask prompt outside manual mode, where the predicted mask stands in its place.
    #[error("a mask prompt is for manual mode: elsewhere the predicted mask is used; change the mode or leave it out")]
    MaskMode,
    /// The device did not give the result back.
    #[error(
        "the result could not be read from the device: {0}; load the model again, on another backend if it happens again"
    )]
    Device(String),
}

/// A frame that has been looked at.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    transform: FrameTransform,
    features: ImageFeatures,
    predicted: PredictedPrompts,
    timings: Vec<Timing>,
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
    /// Whether the decoder says it is in the picture.
    pub present: bool,
    /// Predicted IoU of the mask.
    pub iou: f32,
    /// Logit of its presence.
    pub object_score: f32,
    /// Pixels of the frame.
    pub area: usize,
    /// The smallest box around the mask.
    pub bounds: Option<PixelBox>,
    /// The box that the prompt predictor expected, left, top, right, bottom in pixels of the frame.
    pub predicted_box: [f32; 4],
    /// The mask's contours between pixels, holes among them.
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
    model: Sam2Rad,
    config: Sam2RadConfig,
    card: ModelCard,
    device: Device,
}

/// One mask before it is resized.
struct Decoded {
    structure: usize,
    logits: Vec<f32>,
    iou: f32,
    object_score: f32,
}

impl Segmenter {
    /// A network on `device` and its card.
    pub fn new(model: Sam2Rad, config: Sam2RadConfig, card: ModelCard, device: Device) -> Self {
        Self { model, config, card, device }
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
        let mut clock = Clock::start();
        let size = self.config.image_size;
        let transform = FrameTransform::new(frame.width(), frame.height(), size);
        let pixels = preprocess(frame, &transform, &self.card.normalization);
        let image = Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &self.device);
        clock.lap("preprocess");
        let features = self.model.encode_image(image);
        clock.lap("image_encoder");
        let predicted = self.model.predict_prompts(&features);
        clock.lap("prompt_predictor");
        EncodedFrame { transform, features, predicted, timings: clock.laps }
    }

    /// Answers a request from a frame's features: the decoder alone.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn segment(&self, frame: &EncodedFrame, request: &Request) -> Result<Segmentation, RequestError> {
        self.check(request)?;
        let mut clock = Clock { laps: frame.timings.clone(), ..Clock::start() };
        let mut decoded = Vec::new();
        let prompted = |i: usize| request.prompts.iter().find(|prompts| prompts.structure == i);
        let unprompted = |i: &usize| request.mode == Mode::Autonomous || prompted(*i).is_none();
        let (alone, with_person): (Vec<_>, Vec<_>) = (0..self.config.structures).partition(unprompted);
        if request.mode != Mode::Manual && !alone.is_empty() {
            let rows = TensorData::new(alone.iter().map(|&i| i as i32).collect::<Vec<_>>(), [alone.len()]);
            let rows = Tensor::from_data(rows, &self.device);
            let sparse = frame.predicted.sparse.clone().select(0, rows.clone());
            let dense = frame.predicted.dense.clone().select(0, rows);
            let masks = self.model.decode_masks(&frame.features, Some(sparse), dense, request.multimask_output);
            decoded.extend(self.read(&alone, masks).await?);
        }
        for i in with_person {
            let Some(prompts) = prompted(i) else { continue };
            let mask = self.mask_prompt(frame, prompts, request.mode).await?;
            let is_painted = mask.is_some();
            let manual = self.model.encode_prompts(&self.to_input(prompts, mask, &frame.transform));
            let (sparse, dense) = match request.mode {
                Mode::Manual => (manual.sparse, manual.dense),
                _ => {
                    let learnt = frame.predicted.sparse.clone().narrow(0, i, 1);
                    let sparse = std::iter::once(learnt).chain(manual.sparse).collect();
                    let predicted = || frame.predicted.dense.clone().narrow(0, i, 1);
                    (Some(Tensor::cat(sparse, 1)), if is_painted { manual.dense } else { predicted() })
                }
            };
            let masks = self.model.decode_masks(&frame.features, sparse, dense, request.multimask_output);
            decoded.extend(self.read(&[i], masks).await?);
        }
        decoded.sort_by_key(|decoded| decoded.structure);
        let boxes = read_floats(frame.predicted.boxes.clone()).await?;
        clock.lap("mask_decoder");

        let logits: Vec<_> = decoded.iter().map(Decoded::for_map).collect();
        let map = class_map(&logits, &frame.transform);
        let contours = contours(&logits, &frame.transform);
        let size = self.config.image_size as f32;
        let each = decoded.iter().zip(&logits).zip(&map.extents).zip(contours);
        let structures = each.map(|(((decoded, logits), extent), contours)| StructureResult {
            structure: decoded.structure,
            present: logits.is_present(),
            iou: decoded.iou,
            object_score: decoded.object_score,
            area: extent.area,
            bounds: extent.bounds,
            predicted_box: frame
                .transform
                .box_to_frame(std::array::from_fn(|k| boxes[decoded.structure * 4 + k] * size)),
            contours,
        });
        let structures = structures.collect();
        clock.lap("postprocess");
        Ok(Segmentation { map, structures, timings: clock.laps })
    }

    /// What the model computes on its way from the frame to the masks of the autonomous mode, by the names that the golden
    /// vectors have for it; maps are `[.., height, width, channels]`.
    ///
    /// # Errors
    /// [`RequestError::Device`].
    pub async fn inspect(&self, frame: &EncodedFrame) -> Result<Vec<(String, Vec<f32>)>, RequestError> {
        let features = &frame.features;
        let mut steps = Vec::new();
        let prompts = self.model.predict_prompts_with_steps(features, &mut |step| steps.push(step));
        let decoded = self.model.decode_masks(features, Some(prompts.sparse.clone()), prompts.dense.clone(), false);
        let mut tensors = vec![
            ("image_embedding".to_owned(), read_floats(features.image_embedding.clone()).await?),
            ("high_res.0".to_owned(), read_floats(features.high_res_features[0].clone()).await?),
            ("high_res.1".to_owned(), read_floats(features.high_res_features[1].clone()).await?),
        ];
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
            ("decoder.object_score_logits".to_owned(), read_floats(decoded.object_score_logits).await?),
        ]);
        Ok(tensors)
    }

    fn check(&self, request: &Request) -> Result<(), RequestError> {
        let (has, side) = (self.config.structures, self.config.low_res_size());
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
        frame: &EncodedFrame,
        prompts: &StructurePrompts,
        mode: Mode,
    ) -> Result<Option<Vec<f32>>, RequestError> {
        if prompts.strokes.is_empty() {
            return Ok(prompts.mask.clone());
        }
        let mut logits = match (mode, &prompts.mask) {
            (Mode::Manual, Some(mask)) => mask.clone(),
            (Mode::Manual, None) => vec![-PAINTED_LOGIT; self.config.low_res_size().pow(2)],
            _ => read_floats(frame.predicted.interim_mask.clone().narrow(0, prompts.structure, 1)).await?,
        };
        paint(&prompts.strokes, &frame.transform, &mut logits);
        Ok(Some(logits))
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
        let scores = read_floats(masks.object_score_logits).await?;
        let each = structures.iter().zip(logits.chunks_exact(candidates * height * width));
        let each = each.zip(ious.chunks_exact(candidates)).zip(scores);
        Ok(each
            .map(|(((&structure, logits), ious), object_score)| {
                let best = (0..candidates).max_by(|&a, &b| ious[a].total_cmp(&ious[b])).unwrap_or(0);
                let logits = logits[best * height * width..][..height * width].to_vec();
                Decoded { structure, logits, iou: ious[best], object_score }
            })
            .collect())
    }
}

impl Decoded {
    fn for_map(&self) -> StructureLogits<'_> {
        let class_id = u8::try_from(self.structure + 1).expect("a configuration has 255 structures at most");
        StructureLogits { class_id, logits: &self.logits, object_score: self.object_score }
    }
}

async fn read_floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, RequestError> {
    let data = tensor.into_data_async().await.map_err(|error| RequestError::Device(format!("{error:?}")))?;
    Ok(data.iter().collect())
}

/// Takes the time between stages.
struct Clock {
    last: Instant,
    laps: Vec<Timing>,
}

impl Clock {
    fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    fn lap(&mut self, stage: &'static str) {
        let now = Instant::now();
        self.laps.push(Timing { stage, milliseconds: (now - self.last).as_secs_f64() * 1e3 });
        self.last = now;
    }
}
