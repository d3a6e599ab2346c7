//! SAM's prompt encoder (`segment_anything/modeling/prompt_encoder.py`): points, a box and a mask to embeddings.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::Deserialize;

use crate::config::{PATCH_SIZE, Sam2RadConfig};
use crate::nn::position_encoding::sine_of_turns;
use crate::nn::{
    ENCODER_NORM_EPSILON, LayerNorm, LayerNormConfig, Once, PatchConv, PatchConvConfig, PointwiseConv,
    PointwiseConvConfig, gelu, normal,
};

/// Channels inside the mask downscaling.
const MASK_IN_CHANS: usize = 16;

/// Whether a point is on the structure or off it; written as whether it is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "bool")]
pub enum PointLabel {
    /// Background (label 0).
    Outside,
    /// The structure (label 1).
    Inside,
}

impl From<bool> for PointLabel {
    fn from(is_inside: bool) -> Self {
        if is_inside { Self::Inside } else { Self::Outside }
    }
}

/// A clicked point, in pixels of the model's square input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Column, 0 to the image size.
    pub x: f32,
    /// Row, 0 to the image size.
    pub y: f32,
    /// On the structure or off it.
    pub label: PointLabel,
}

/// What a person says of one structure, in pixels of the model's square input.
#[derive(Debug, Clone, Default)]
pub struct ManualPrompts {
    /// Clicked points.
    pub points: Vec<Point>,
    /// Left, top, right, bottom.
    pub bounding_box: Option<[f32; 4]>,
    /// Mask logits `[1, image_size / 4, image_size / 4, 1]`.
    pub mask: Option<Tensor<4>>,
}

/// Embedded prompts, as the mask decoder takes them.
#[derive(Debug, Clone)]
pub struct PromptEmbeddings {
    /// Points and box corners `[1, n, dim]`; `None` where there are none.
    pub sparse: Option<Tensor<3>>,
    /// The mask, or "no mask", `[1, h, w, dim]`.
    pub dense: Tensor<4>,
}

/// Rows of the embedding table: SAM's labels 0 to 3, and the padding point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Outside,
    Inside,
    TopLeft,
    BottomRight,
    NotAPoint,
}

impl From<PointLabel> for Kind {
    fn from(label: PointLabel) -> Self {
        match label {
            PointLabel::Outside => Self::Outside,
            PointLabel::Inside => Self::Inside,
        }
    }
}

/// Two strided convolutions and a pointwise one: a mask at a quarter of the image side down to the embedding's.
#[derive(Module, Debug)]
pub struct MaskDownscaling {
    conv1: PatchConv,
    norm1: LayerNorm,
    conv2: PatchConv,
    norm2: LayerNorm,
    conv3: PointwiseConv,
}

impl MaskDownscaling {
    fn init(embed_dim: usize, device: &Device) -> Self {
        let norm = |channels| LayerNormConfig::new(channels).with_epsilon(ENCODER_NORM_EPSILON).init(device);
        let (quarter, full) = (MASK_IN_CHANS / 4, MASK_IN_CHANS);
        Self {
            conv1: PatchConvConfig::new(1, quarter, 2).init(device),
            norm1: norm(quarter),
            conv2: PatchConvConfig::new(quarter, full, 2).init(device),
            norm2: norm(full),
            conv3: PointwiseConvConfig::new(full, embed_dim).init(device),
        }
    }

    /// `[n, 4 h, 4 w, 1]` -> `[n, h, w, embed_dim]`.
    fn forward(&self, mask: Tensor<4>) -> Tensor<4> {
        let x = gelu(self.norm1.forward(self.conv1.forward(mask)));
        let x = gelu(self.norm2.forward(self.conv2.forward(x)));
        self.conv3.forward(x)
    }
}

/// Positions in the unit square to sines and cosines of random projections (`PositionEmbeddingRandom`).
#[derive(Module, Debug)]
pub struct PositionEmbeddingRandom {
    /// `[2, embed_dim / 2]`; a buffer, never trained.
    positional_encoding_gaussian_matrix: Param<Tensor<2>>,
}

impl PositionEmbeddingRandom {
    /// `(x, y)` in 0..1, `[n, 2]` -> `[n, embed_dim]`.
    fn forward(&self, coordinates: Tensor<2>) -> Tensor<2> {
        let turns = (coordinates * 2.0 - 1.0).matmul(self.positional_encoding_gaussian_matrix.val());
        Tensor::cat(vec![sine_of_turns(turns.clone()), sine_of_turns(turns + 0.25)], 1)
    }
}

/// The prompt encoder.
#[derive(Module, Debug)]
pub struct PromptEncoder {
    pe_layer: PositionEmbeddingRandom,
    point_embeddings: Vec<Embedding>,
    not_a_point_embed: Embedding,
    mask_downscaling: MaskDownscaling,
    no_mask_embed: Embedding,
    image_size: usize,
    #[module(skip)]
    dense_pe: Once<Tensor<4>>,
}

/// Configuration of a [`PromptEncoder`].
#[derive(Config, Debug)]
pub struct PromptEncoderConfig {
    /// Width of the embeddings.
    pub embed_dim: usize,
    /// Side of the model's input in pixels.
    pub image_size: usize,
}

impl From<&Sam2RadConfig> for PromptEncoderConfig {
    fn from(config: &Sam2RadConfig) -> Self {
        Self { embed_dim: config.image_encoder.prompt_embed_dim, image_size: config.image_size }
    }
}

impl PromptEncoderConfig {
    /// Makes the encoder.
    pub fn init(&self, device: &Device) -> PromptEncoder {
        let embedding = || EmbeddingConfig::new(1, self.embed_dim).init(device);
        let gaussian = normal().init([2, self.embed_dim / 2], device).set_require_grad(false);
        PromptEncoder {
            pe_layer: PositionEmbeddingRandom { positional_encoding_gaussian_matrix: gaussian },
            point_embeddings: (0..4).map(|_| embedding()).collect(),
            not_a_point_embed: embedding(),
            mask_downscaling: MaskDownscaling::init(self.embed_dim, device),
            no_mask_embed: embedding(),
            image_size: self.image_size,
            dense_pe: Once::default(),
        }
    }
}

impl PromptEncoder {
    /// Embeds what a person drew. A padding point follows the points where there is no box.
    pub fn forward(&self, prompts: &ManualPrompts) -> PromptEmbeddings {
        let mut coordinates = Vec::new();
        let mut kinds = Vec::new();
        for point in &prompts.points {
            coordinates.extend([point.x, point.y]);
            kinds.push(point.label.into());
        }
        match prompts.bounding_box {
            Some(corners) => {
                coordinates.extend(corners);
                kinds.extend([Kind::TopLeft, Kind::BottomRight]);
            }
            None if !prompts.points.is_empty() => {
                coordinates.extend([0.0; 2]);
                kinds.push(Kind::NotAPoint);
            }
            None => {}
        }
        let sparse = (!kinds.is_empty()).then(|| self.embed_points(&coordinates, &kinds));
        PromptEmbeddings { sparse, dense: self.dense(prompts) }
    }

    /// As SAM 2's video predictor embeds prompts: a box is two points before the others, and a padding point follows always (where
    /// there is nothing, two of them).
    pub fn forward_video(&self, prompts: &ManualPrompts) -> PromptEmbeddings {
        let corners = prompts.bounding_box.into_iter().flatten();
        let points = prompts.points.iter().flat_map(|point| [point.x, point.y]);
        let mut coordinates: Vec<f32> = corners.chain(points).collect();
        let mut kinds = Vec::new();
        if prompts.bounding_box.is_some() {
            kinds.extend([Kind::TopLeft, Kind::BottomRight]);
        }
        kinds.extend(prompts.points.iter().map(|point| Kind::from(point.label)));
        let padding = if kinds.is_empty() { 2 } else { 1 };
        coordinates.extend([0.0; 2].repeat(padding));
        kinds.extend([Kind::NotAPoint].repeat(padding));
        PromptEmbeddings { sparse: Some(self.embed_points(&coordinates, &kinds)), dense: self.dense(prompts) }
    }

    fn dense(&self, prompts: &ManualPrompts) -> Tensor<4> {
        prompts.mask.clone().map_or_else(|| self.no_mask(), |mask| self.embed_masks(mask))
    }

    /// Box corners of each structure, `[n, 4]` in units of the input, -> `[n, 2, dim]`.
    pub fn embed_boxes(&self, boxes: Tensor<2>) -> Tensor<3> {
        let [n, _] = boxes.dims();
        let half_pixel = 0.5 / self.image_size as f64;
        let positions = self.pe_layer.forward((boxes + half_pixel).reshape([2 * n, 2]));
        let dim = positions.dims()[1];
        let kinds = Tensor::cat(vec![self.embedding(Kind::TopLeft), self.embedding(Kind::BottomRight)], 0);
        positions.reshape([n, 2, dim]) + kinds.unsqueeze()
    }

    /// Mask logits `[n, image_size / 4, image_size / 4, 1]` -> `[n, h, w, dim]`.
    pub fn embed_masks(&self, masks: Tensor<4>) -> Tensor<4> {
        self.mask_downscaling.forward(masks)
    }

    /// The embedding of "no mask" at every token, `[1, h, w, dim]`.
    pub fn no_mask(&self) -> Tensor<4> {
        let side = self.image_size / PATCH_SIZE;
        let embedding = self.no_mask_embed.weight.val();
        let dim = embedding.dims()[1];
        embedding.reshape([1, 1, 1, dim]).expand([1, side, side, dim])
    }

    /// The position encoding of the image embedding's tokens, `[1, h, w, dim]`.
    pub fn dense_pe(&self) -> Tensor<4> {
        let matrix = self.pe_layer.positional_encoding_gaussian_matrix.val();
        self.dense_pe.get(&matrix, || {
            let side = self.image_size / PATCH_SIZE;
            let centre = |i: usize| (i as f32 + 0.5) / side as f32;
            let coordinates: Vec<f32> = (0..side * side).flat_map(|i| [centre(i % side), centre(i / side)]).collect();
            let coordinates = TensorData::new(coordinates, [side * side, 2]);
            let encoding = self.pe_layer.forward(Tensor::from_data(coordinates, &matrix.device()));
            let dim = encoding.dims()[1];
            encoding.reshape([1, side, side, dim])
        })
    }

    /// `(x, y)` pairs in pixels with their kinds -> `[1, n, dim]`.
    fn embed_points(&self, coordinates: &[f32], kinds: &[Kind]) -> Tensor<3> {
        let device = self.device();
        let size = self.image_size as f32;
        let unit: Vec<f32> = coordinates.iter().map(|c| (c + 0.5) / size).collect();
        let positions = self.pe_layer.forward(Tensor::from_data(TensorData::new(unit, [kinds.len(), 2]), &device));
        let is_point: Vec<f32> = kinds.iter().map(|kind| f32::from(u8::from(*kind != Kind::NotAPoint))).collect();
        let is_point = Tensor::<2>::from_data(TensorData::new(is_point, [kinds.len(), 1]), &device);
        let table = [Kind::Outside, Kind::Inside, Kind::TopLeft, Kind::BottomRight, Kind::NotAPoint];
        let table = Tensor::cat(table.map(|kind| self.embedding(kind)).to_vec(), 0);
        let rows: Vec<i32> = kinds.iter().map(|kind| *kind as i32).collect();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [kinds.len()]), &device);
        (positions * is_point + table.select(0, rows)).unsqueeze()
    }

    fn embedding(&self, kind: Kind) -> Tensor<2> {
        match kind {
            Kind::NotAPoint => self.not_a_point_embed.weight.val(),
            label => self.point_embeddings[label as usize].weight.val(),
        }
    }

    fn device(&self) -> Device {
        self.no_mask_embed.weight.val().device()
    }
}
