//! A model on a GPU: a frame in, then any number of questions about it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::GpuError;
use super::decoder::{Decoder, MULTIMASK, OUTPUT_TOKENS, SCORES, TokenSources};
use super::device::Gpu;
use super::encoder::{Encoder, Features};
use super::matrix::Weights;
use super::plan::{Pipelines, Plan, Recorder, Tensor};
use super::positions::random_encoding;
use super::predictor::{Predicted, Predictor};
use crate::config::{Backbone, Sam2RadConfig};
use crate::frame::Frame;
use crate::preprocess::{FrameTransform, Normalization};
use crate::resample::Taps;

/// The most tokens that a person's prompts of one structure make.
const MAX_MANUAL_TOKENS: usize = 256;
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
}

/// What the decoder says, a row for each structure asked for.
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
}

/// What a plan for answers is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
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
struct Answering {
    plan: Plan,
    rows: wgpu::Buffer,
    /// What was last written to `rows`.
    written: Arc<Mutex<Vec<u32>>>,
    image: wgpu::Buffer,
    results: wgpu::Buffer,
    staging: wgpu::Buffer,
}

/// A model on a GPU.
pub struct Engine {
    gpu: Gpu,
    pipelines: Pipelines,
    config: Sam2RadConfig,
    encoding: Plan,
    bytes: wgpu::Buffer,
    table: wgpu::Buffer,
    /// The frame that `table` was last written for.
    laid: Mutex<Option<(FrameTransform, usize)>>,
    features: Features,
    predicted: Predicted,
    predictor: Predictor,
    decoder: Decoder,
    manual: wgpu::Buffer,
    mask: wgpu::Buffer,
    answering: Mutex<Vec<(Shape, Answering)>>,
    points: PointTable,
}

/// What points and box corners are embedded with.
struct PointTable {
    gaussian: Vec<f32>,
    /// Outside, inside, left top, right bottom, and no point.
    kinds: [Vec<f32>; 5],
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({:?}, {})", self.gpu, self.config.architecture)
    }
}

impl Engine {
    /// Whether there are kernels for a network.
    ///
    /// # Errors
    /// [`GpuError::NotCovered`] says what for there are none.
    pub fn covers(config: &Sam2RadConfig) -> Result<(), GpuError> {
        let not = |what: &str| Err(GpuError::NotCovered(what.to_owned()));
        if !matches!(config.image_encoder.backbone, Backbone::Hiera(_)) {
            return not("an image encoder other than SAM 2's Hiera");
        }
        if !config.parts.prompt_predictor {
            return not("a model without a prompt predictor");
        }
        if config.prompt_predictor.depth != 3 { not("the `linear` prompt predictor") } else { Ok(()) }
    }

    /// Puts a model on the GPU and makes all that a frame needs.
    ///
    /// # Errors
    /// [`GpuError`].
    pub fn new(
        gpu: Gpu,
        config: &Sam2RadConfig,
        normalization: Normalization,
        weights: &Weights,
    ) -> Result<Self, GpuError> {
        Self::covers(config)?;
        let Backbone::Hiera(hiera) = &config.image_encoder.backbone else {
            return Err(GpuError::NotCovered("this image encoder".into()));
        };
        let size = config.image_size;
        let dim = config.image_encoder.prompt_embed_dim;
        let structures = config.structures;
        let kept = |rows: usize, width: usize| {
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
            Tensor::fixed(&gpu.buffer(rows * width * 4, usage), rows, width)
        };
        let tokens = (size / 16) * (size / 16);
        let features = Features {
            image_embedding: kept(tokens, dim),
            high_res: [kept(16 * tokens, dim / 8), kept(4 * tokens, dim / 4)],
        };
        let predicted = Predicted {
            sparse: kept(structures * config.tokens, dim),
            image: kept(structures * tokens, dim),
            boxes: kept(structures, 4),
            interim_mask: kept(structures * 16 * tokens, 1),
        };
        let input = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        // At most two pixels of the frame for each of the input's, along both sides.
        let bytes = gpu.buffer(4 * size * size * 3, input);
        let table = gpu.buffer((1 + 2 * size) * 16, input);
        let encoder = Encoder::new(&gpu, weights, hiera, size, normalization)?;
        let predictor = Predictor::new(&gpu, weights, size)?;
        let decoder = Decoder::new(&gpu, weights, size)?;
        let pipelines = Pipelines::default();
        let mut plan = Recorder::default();
        let [bytes_in, table_in] = [Tensor::fixed(&bytes, size * size * 3, 1), Tensor::fixed(&table, 1 + 2 * size, 4)];
        encoder.record(&mut plan, &bytes_in, &table_in, &features);
        predictor.record(&mut plan, &features, &predicted);
        let encoding = plan.finish(&gpu, &pipelines);
        if !encoding.fits() {
            return Err(GpuError::NotCovered(format!("a model of {structures} structures at {size} pixels")));
        }
        gpu.check()?;
        let values = |name: &str| weights.get(name).map(|array| array.values.clone());
        let label = |i: usize| values(&format!("prompt_encoder.point_embeddings.{i}.weight"));
        let points = PointTable {
            gaussian: values("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix")?,
            kinds: [label(0)?, label(1)?, label(2)?, label(3)?, values("prompt_encoder.not_a_point_embed.weight")?],
        };
        Ok(Self {
            manual: gpu.buffer(MAX_MANUAL_TOKENS * dim * 4, input),
            mask: gpu.buffer(16 * tokens * 4, input),
            config: config.clone(),
            laid: Mutex::new(None),
            answering: Mutex::new(Vec::new()),
            gpu,
            pipelines,
            encoding,
            bytes,
            table,
            features,
            predicted,
            predictor,
            decoder,
            points,
        })
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Pipelines compiled so far.
    pub fn pipelines(&self) -> usize {
        self.pipelines.count()
    }

    /// Kernels of a frame before its decoder.
    pub fn encoding_steps(&self) -> usize {
        self.encoding.len()
    }

    /// Kernels of an answer.
    ///
    /// # Errors
    /// [`GpuError::NotCovered`].
    pub fn answering_steps(&self, question: &Question) -> Result<usize, GpuError> {
        Ok(self.answering(self.shape(question)?)?.plan.len())
    }

    /// Looks at a frame: submits all that comes before the decoder. Returns the bytes that went up for it.
    ///
    /// # Panics
    /// Where `transform` was made for a frame of another size.
    pub fn encode(&self, frame: &Frame, transform: &FrameTransform) -> usize {
        let bytes = self.lay_frame(frame, transform);
        self.gpu.queue.write_buffer(&self.bytes, 0, &bytes);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        self.encoding.encode(&mut encoder);
        self.gpu.queue.submit([encoder.finish()]);
        bytes.len()
    }

    /// The bytes that resampling reads, one a pixel where the picture is grey; writes the table of how they lie where
    /// that has changed.
    fn lay_frame(&self, frame: &Frame, transform: &FrameTransform) -> Vec<u8> {
        let FrameTransform { frame_size: [height, width], resized: [rows, columns], image_size } = *transform;
        assert_eq!([frame.height(), frame.width()], [height, width], "the transform is another frame's");
        let axes = [Taps::bilinear(height, rows), Taps::bilinear(width, columns)];
        let read = axes.each_ref().map(|taps| {
            let mut indices: Vec<u32> = taps.as_slice().iter().flat_map(|tap| tap.indices).collect();
            indices.sort_unstable();
            indices.dedup();
            indices
        });
        let pixels = || {
            read[0].iter().flat_map(|&row| {
                let row = frame.row(row as usize).as_chunks::<3>().0;
                read[1].iter().map(move |&column| row[column as usize])
            })
        };
        let is_grey = pixels().all(|[red, green, blue]| red == green && green == blue);
        let channels = if is_grey { 1 } else { 3 };
        let mut bytes: Vec<u8> =
            if is_grey { pixels().map(|[grey, ..]| grey).collect() } else { pixels().flatten().collect() };
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let mut laid = self.laid.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *laid != Some((*transform, channels)) {
            let mut table = vec![[0f32; 4]; 1 + 2 * image_size];
            table[0] = [channels as f32, read[1].len() as f32, rows as f32, columns as f32];
            for (axis, (taps, read)) in axes.iter().zip(&read).enumerate() {
                for (entry, tap) in table[1 + axis * image_size..].iter_mut().zip(taps.as_slice()) {
                    let place = tap.indices.map(|index| read.binary_search(&index).unwrap_or(0) as f32);
                    *entry = [place[0], place[1], tap.weights[0], tap.weights[1]];
                }
            }
            self.gpu.queue.write_buffer(&self.table, 0, bytemuck::cast_slice(&table));
            *laid = Some((*transform, channels));
        }
        bytes
    }

    /// Embeds points, each on the structure or off it, and a box, in pixels of the input, as SAM's prompt encoder
    /// does: `[n, dim]`. A padding point follows the points where there is no box.
    pub fn embed_prompts(&self, points: &[([f32; 2], bool)], bounding_box: Option<[f32; 4]>) -> Vec<f32> {
        let mut prompts: Vec<(Option<[f32; 2]>, usize)> =
            points.iter().map(|&(at, inside)| (Some(at), usize::from(inside))).collect();
        match bounding_box {
            Some([left, top, right, bottom]) => prompts.extend([(Some([left, top]), 2), (Some([right, bottom]), 3)]),
            None if !prompts.is_empty() => prompts.push((None, 4)),
            None => {}
        }
        let size = self.config.image_size as f32;
        let embed = |(at, kind): (Option<[f32; 2]>, usize)| {
            let kind = &self.points.kinds[kind];
            match at {
                Some(at) => {
                    let encoding = random_encoding(&[at.map(|c| (c + 0.5) / size)], &self.points.gaussian);
                    encoding.iter().zip(kind).map(|(position, kind)| position + kind).collect()
                }
                None => kind.clone(),
            }
        };
        prompts.into_iter().flat_map(embed).collect()
    }

    /// Answers a question on the last frame: one submission, one readback.
    ///
    /// # Errors
    /// [`GpuError`].
    pub async fn answer(&self, question: &Question) -> Result<Answer, GpuError> {
        let side = self.config.low_res_size();
        let sets = question.structures.len();
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
            let mut written = answering.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
        let logits = sets * shape.masks * side * side;
        let values = logits + sets * SCORES;
        let boxes = self.config.structures * 4;
        let copy = |encoder: &mut wgpu::CommandEncoder, from: &wgpu::Buffer, at: usize, values: usize| {
            encoder.copy_buffer_to_buffer(from, 0, &answering.staging, at as u64 * 4, values as u64 * 4);
        };
        copy(&mut encoder, &answering.results, 0, values);
        copy(&mut encoder, self.predicted.boxes.buffer().expect("it outlives every plan"), values, boxes);
        queue.submit([encoder.finish()]);
        let mut found = self.gpu.read_mapped(&answering.staging, values + boxes).await?;
        let boxes = found.split_off(values);
        let scores = found.split_off(logits);
        let first = usize::from(question.multimask_output);
        Ok(Answer {
            masks: found,
            iou: scores.chunks_exact(SCORES).flat_map(|set| &set[1 + first..][..shape.masks]).copied().collect(),
            object_score: scores.chunks_exact(SCORES).map(|set| set[0]).collect(),
            boxes: boxes.as_chunks::<4>().0.to_vec(),
        })
    }

    fn shape(&self, question: &Question) -> Result<Shape, GpuError> {
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

    fn answering(&self, shape: Shape) -> Result<Answering, GpuError> {
        let mut all = self.answering.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
        let values = sets * (masks * 16 * pixels + SCORES);
        let results = self.gpu.buffer(values * 4, storage | wgpu::BufferUsages::COPY_SRC);
        let staging = self.gpu.buffer(
            (values + self.config.structures * 4) * 4,
            wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        );
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

    /// What the GPU has of the last frame, by the names of the golden vectors; maps are `[.., height, width,
    /// channels]`.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub async fn tensors(&self) -> Result<HashMap<&'static str, Vec<f32>>, GpuError> {
        let mut found = HashMap::new();
        for (name, tensor) in [
            ("image_embedding", &self.features.image_embedding),
            ("high_res.0", &self.features.high_res[0]),
            ("high_res.1", &self.features.high_res[1]),
            ("ppn.pred_boxes", &self.predicted.boxes),
            ("ppn.interim_mask", &self.predicted.interim_mask),
            ("ppn.sparse", &self.predicted.sparse),
        ] {
            let buffer = tensor.buffer().expect("it outlives every plan");
            found.insert(name, self.gpu.read(buffer, tensor.len()).await?);
        }
        Ok(found)
    }
}
