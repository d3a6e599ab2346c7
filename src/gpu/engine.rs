//! A model on a GPU: a frame in, then any number of questions about it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::GpuError;
use super::decoder::Decoder;
use super::device::Gpu;
use super::encoder::{Encoder, Features};
use super::matrix::Weights;
use super::plan::{Pipelines, Plan, Recorder, Tensor};
use super::positions::random_encoding;
use super::predictor::{Predicted, Predictor};
use super::question::{Answering, MAX_MANUAL_TOKENS, Question, Shape};
use crate::config::{Backbone, Sam2RadConfig};
use crate::frame::Frame;
use crate::preprocess::{FrameTransform, Normalization};
use crate::resample::Taps;

/// A model on a GPU.
pub struct Engine {
    pub(super) gpu: Gpu,
    pub(super) pipelines: Pipelines,
    pub(super) config: Sam2RadConfig,
    encoding: Plan,
    bytes: wgpu::Buffer,
    table: wgpu::Buffer,
    /// The frame that `table` was last written for.
    laid: Mutex<Option<(FrameTransform, usize)>>,
    pub(super) features: Features,
    pub(super) predicted: Predicted,
    pub(super) predictor: Predictor,
    pub(super) decoder: Decoder,
    pub(super) manual: wgpu::Buffer,
    pub(super) mask: wgpu::Buffer,
    pub(super) answering: Mutex<Vec<(Shape, Answering)>>,
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
    /// [`GpuError::NotCovered`] names the part without kernels.
    pub fn covers(config: &Sam2RadConfig) -> Result<(), GpuError> {
        let not = |what: &str| Err(GpuError::NotCovered(what.to_owned()));
        if !matches!(config.image_encoder.backbone, Backbone::Hiera(_) | Backbone::ConvNet(_)) {
            return not(&format!("the image encoder {}", config.architecture.image_encoder));
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
        let encoder = Encoder::new(&gpu, weights, config, normalization)?;
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
        let mut laid = locked(&self.laid);
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

    /// The features of the last frame: the image embedding, then the finest and the finer map, `[height, width,
    /// channels]`.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub async fn features(&self) -> Result<[Vec<f32>; 3], GpuError> {
        let [finest, finer] = &self.features.high_res;
        Ok([self.read(&self.features.image_embedding).await?, self.read(finest).await?, self.read(finer).await?])
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
            found.insert(name, self.read(tensor).await?);
        }
        Ok(found)
    }

    async fn read(&self, tensor: &Tensor) -> Result<Vec<f32>, GpuError> {
        self.gpu.read(tensor.buffer().expect("it outlives every plan"), tensor.len()).await
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
