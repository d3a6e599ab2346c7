//! A question about the frame that an engine encoded last, and the answer: one submission and one readback.

use std::sync::{Arc, Mutex};

use super::GpuError;
use super::decoder::{MULTIMASK, OUTPUT_TOKENS, SCORES, TokenSources};
use super::engine::{Engine, locked};
use super::plan::{Plan, Recorder, Tensor};
use crate::config::Sam2RadConfig;

/// The most tokens that a person's prompts of one structure make.
pub(super) const MAX_MANUAL_TOKENS: usize = 256;
/// Plans for answers that are kept.
const KEPT_PLANS: usize = 8;

/// The mask prompt of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Dense {
    /// The predictor's, each structure's own.
    Predicted,
    /// None.
    Nothing,
    /// Logits `[image_size / 4, image_size / 4]`, for one structure.
    Mask(Vec<f32>),
}

/// What is asked of the decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The structures, each a set of prompts; one where there are a person's prompts.
    pub structures: Vec<usize>,
    /// The predicted tokens of each that it gets, counted from 0.
    pub tokens: Vec<usize>,
    /// A person's prompts, embedded, `[n, dim]`.
    pub manual: Vec<f32>,
    /// The mask prompt.
    pub dense: Dense,
    /// Three masks of each.
    pub multimask_output: bool,
    /// The answer has the predictor's interim masks too.
    pub interim_masks: bool,
}

/// The decoder's output, a row for each requested structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Logits `[n, masks, image_size / 4, image_size / 4]`.
    pub masks: Vec<f32>,
    /// Predicted IoU `[n, masks]`.
    pub iou: Vec<f32>,
    /// `[n]`.
    pub object_score: Vec<f32>,
    /// The predictor's box of every structure of the model, in units of the input.
    pub boxes: Vec<[f32; 4]>,
    /// The predictor's interim mask of every structure of the model, logits `[structures, image_size / 4, image_size / 4]`;
    /// empty where it was not asked for.
    pub interim_masks: Vec<f32>,
}

/// A question that the GPU has and whose answer is waited for.
#[must_use = "the answer is there when it is waited for"]
pub struct Asked<'a> {
    engine: &'a Engine,
    answering: Answering,
    staging: wgpu::Buffer,
    shape: Shape,
    first: usize,
    interim: usize,
}

/// What a plan for answers is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    sets: usize,
    /// Tokens of each, the decoder's own among them.
    tokens: usize,
    /// A person's of these.
    manual: usize,
    dense: DenseKind,
    masks: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum DenseKind {
    Predicted,
    Nothing,
    Mask,
}

/// A plan for answers with its own buffers.
#[derive(Clone)]
pub(super) struct Answering {
    pub(super) plan: Plan,
    rows: wgpu::Buffer,
    /// What was last written to `rows`.
    written: Arc<Mutex<Vec<u32>>>,
    image: wgpu::Buffer,
    results: wgpu::Buffer,
    /// Those that no answer is being read from.
    staging: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

impl Engine {
    /// Answers a question on the last frame: one submission, one readback.
    ///
    /// # Errors
    /// [`GpuError`].
    pub async fn answer(&self, question: &Question) -> Result<Answer, GpuError> {
        self.ask(question)?.answer().await
    }

    /// Submits a question on the last frame.
    ///
    /// # Errors
    /// [`GpuError`].
    pub fn ask(&self, question: &Question) -> Result<Asked<'_>, GpuError> {
        let shape = self.shape(question)?;
        let answering = self.answering(shape)?;
        let mut rows = Vec::new();
        for &structure in &question.structures {
            rows.extend((0..OUTPUT_TOKENS as u32).map(|i| [0, i]));
            rows.extend(question.tokens.iter().map(|token| [1, (structure * self.config.tokens + token) as u32]));
            rows.extend((0..shape.manual as u32).map(|i| [2, i]));
        }
        let rows = rows.into_flattened();
        let queue = &self.gpu.queue;
        {
            let mut written = locked(&answering.written);
            if *written != rows {
                queue.write_buffer(&answering.rows, 0, bytemuck::cast_slice(&rows));
                *written = rows;
            }
        }
        if shape.manual > 0 {
            queue.write_buffer(&self.manual, 0, bytemuck::cast_slice(&question.manual));
        }
        if let Dense::Mask(mask) = &question.dense {
            queue.write_buffer(&self.mask, 0, bytemuck::cast_slice(mask));
        }
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        if question.dense == Dense::Predicted {
            let bytes = (self.predicted.image.len() / self.config.structures * 4) as u64;
            let source = self.predicted.image.buffer().expect("it outlives every plan");
            for (i, &structure) in question.structures.iter().enumerate() {
                encoder.copy_buffer_to_buffer(
                    source,
                    structure as u64 * bytes,
                    &answering.image,
                    i as u64 * bytes,
                    bytes,
                );
            }
        }
        answering.plan.encode(&mut encoder);
        let staging = locked(&answering.staging).pop().unwrap_or_else(|| self.staging(shape));
        let interim = if question.interim_masks { self.predicted.interim_mask.len() } else { 0 };
        let values = shape.values(&self.config);
        let kept = |tensor: &Tensor| tensor.buffer().expect("it outlives every plan").clone();
        let mut at = 0;
        for (from, values) in [
            (answering.results.clone(), values),
            (kept(&self.predicted.boxes), self.predicted.boxes.len()),
            (kept(&self.predicted.interim_mask), interim),
        ] {
            if values > 0 {
                encoder.copy_buffer_to_buffer(&from, 0, &staging, at, values as u64 * 4);
                at += values as u64 * 4;
            }
        }
        queue.submit([encoder.finish()]);
        let first = usize::from(question.multimask_output);
        Ok(Asked { engine: self, answering, staging, shape, first, interim })
    }

    /// A buffer to read an answer from.
    fn staging(&self, shape: Shape) -> wgpu::Buffer {
        let values = shape.values(&self.config) + self.predicted.boxes.len() + self.predicted.interim_mask.len();
        self.gpu.buffer(values * 4, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
    }

    pub(super) fn shape(&self, question: &Question) -> Result<Shape, GpuError> {
        let (sets, pixels) = (question.structures.len(), self.config.low_res_size().pow(2));
        let manual = question.manual.len() / self.config.image_encoder.prompt_embed_dim;
        let dense = match &question.dense {
            Dense::Predicted => DenseKind::Predicted,
            Dense::Nothing => DenseKind::Nothing,
            Dense::Mask(mask) if mask.len() == pixels => DenseKind::Mask,
            Dense::Mask(mask) => return Err(GpuError::NotCovered(format!("a mask prompt of {} values", mask.len()))),
        };
        if sets != 1 && (manual > 0 || dense != DenseKind::Predicted) {
            return Err(GpuError::NotCovered(format!("a person's prompts for {sets} structures at once")));
        }
        if manual > MAX_MANUAL_TOKENS {
            return Err(GpuError::NotCovered(format!("a structure with {manual} prompts")));
        }
        let masks = if question.multimask_output { MULTIMASK } else { 1 };
        Ok(Shape { sets, tokens: OUTPUT_TOKENS + question.tokens.len() + manual, manual, dense, masks })
    }

    pub(super) fn answering(&self, shape: Shape) -> Result<Answering, GpuError> {
        let mut all = locked(&self.answering);
        if let Some(at) = all.iter().position(|(found, _)| *found == shape) {
            // The one used last stands last.
            let entry = all.remove(at);
            all.push(entry);
            return Ok(all[all.len() - 1].1.clone());
        }
        let made = self.prepare(shape)?;
        if all.len() == KEPT_PLANS {
            all.remove(0);
        }
        all.push((shape, made.clone()));
        Ok(made)
    }

    fn prepare(&self, shape: Shape) -> Result<Answering, GpuError> {
        let Shape { sets, tokens, dense, masks, .. } = shape;
        let dim = self.config.image_encoder.prompt_embed_dim;
        let pixels = self.config.embedding_size().pow(2);
        let storage = wgpu::BufferUsages::STORAGE;
        let rows = self.gpu.buffer(sets * tokens * 8, storage | wgpu::BufferUsages::COPY_DST);
        let image = self.gpu.buffer(
            if dense == DenseKind::Predicted { sets * pixels * dim * 4 } else { 0 },
            storage | wgpu::BufferUsages::COPY_DST,
        );
        let values = shape.values(&self.config);
        let results = self.gpu.buffer(values * 4, storage | wgpu::BufferUsages::COPY_SRC);
        let staging = Arc::new(Mutex::new(vec![self.staging(shape)]));
        let mut plan = Recorder::default();
        let keys = match dense {
            DenseKind::Predicted => Tensor::fixed(&image, sets * pixels, dim),
            DenseKind::Nothing => self.predictor.mask_prompt.record(&mut plan, None, &self.features),
            DenseKind::Mask => {
                let mask = Tensor::fixed(&self.mask, 16 * pixels, 1);
                self.predictor.mask_prompt.record(&mut plan, Some(&mask), &self.features)
            }
        };
        let sources = TokenSources {
            predicted: &self.predicted.sparse,
            manual: &Tensor::fixed(&self.manual, MAX_MANUAL_TOKENS, dim),
            rows: &Tensor::fixed(&rows, sets * tokens, 2),
        };
        let results_in = Tensor::fixed(&results, values, 1);
        self.decoder.record(&mut plan, &sources, &keys, &self.features, [sets, masks], &results_in);
        let plan = plan.finish(&self.gpu, &self.pipelines);
        if !plan.fits() {
            return Err(GpuError::NotCovered(format!("{sets} structures at once")));
        }
        Ok(Answering { plan, rows, written: Arc::default(), image, results, staging })
    }
}

impl Shape {
    /// Logits and scores of all sets.
    fn values(&self, config: &Sam2RadConfig) -> usize {
        self.sets * (self.masks * config.low_res_size().pow(2) + SCORES)
    }
}

impl Asked<'_> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub async fn answer(self) -> Result<Answer, GpuError> {
        let Self { engine, answering, staging, shape, first, interim } = self;
        let boxes = engine.predicted.boxes.len();
        let values = shape.values(&engine.config);
        let mut found = engine.gpu.read_mapped(&staging, values + boxes + interim).await?;
        locked(&answering.staging).push(staging);
        let interim_masks = found.split_off(values + boxes);
        let boxes = found.split_off(values);
        let scores = found.split_off(values - shape.sets * SCORES);
        Ok(Answer {
            masks: found,
            iou: scores.chunks_exact(SCORES).flat_map(|set| &set[1 + first..][..shape.masks]).copied().collect(),
            object_score: scores.chunks_exact(SCORES).map(|set| set[0]).collect(),
            boxes: boxes.as_chunks::<4>().0.to_vec(),
            interim_masks,
        })
    }
}
