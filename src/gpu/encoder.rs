//! SAM 2's image encoder: preprocessing, Hiera and its neck, to the maps that serve every prompt.

use super::GpuError;
use super::device::Gpu;
use super::matrix::{Layer, Weights, upload};
use super::ops::{Activation, Conv, Heads, Linear, Residual, Windows};
use super::plan::{Kernel, Recorder, Tensor, parameters};
use crate::config::HieraConfig;
use crate::nn::{ENCODER_NORM_EPSILON, Interpolation};
use crate::preprocess::Normalization;

const PATCH: Conv = Conv { kernel: 7, stride: 4, input: [0, 0] };

/// A frame's features, which outlive the plan that makes them.
#[derive(Debug, Clone)]
pub(super) struct Features {
    /// `[side / 16, side / 16, dim]`.
    pub image_embedding: Tensor,
    /// `[side / 4, .., dim / 8]` and `[side / 8, .., dim / 4]`.
    pub high_res: [Tensor; 2],
}

/// The encoder's weights, uploaded.
pub(super) struct Encoder {
    patch_embed: Layer,
    positions: Tensor,
    blocks: Vec<Block>,
    /// The neck's coarsest level; the image embedding's; the two finer ones, with the decoder's projections folded in.
    coarsest: Layer,
    embedding: Layer,
    high_res: [Layer; 2],
    image_size: usize,
    normalization: Normalization,
}

struct Block {
    adapter: Option<[Layer; 2]>,
    /// Queries, keys, values, and where the channels double the shortcut's projection.
    qkv: Layer,
    outside: Tensor,
    proj: Layer,
    mlp: [Layer; 2],
    heads: usize,
    dim_out: usize,
    /// Side of the windows; 0 is the whole map.
    window: usize,
    pool: bool,
    ends_stage: bool,
}

impl Encoder {
    pub fn new(
        gpu: &Gpu,
        weights: &Weights,
        config: &HieraConfig,
        image_size: usize,
        normalization: Normalization,
    ) -> Result<Self, GpuError> {
        let trunk = "image_encoder.trunk";
        let positions = position_table(weights, config, image_size / 4)?;
        let mut blocks = Vec::new();
        let (mut heads, mut dim) = (config.num_heads, config.embed_dim);
        for (stage, &depth) in config.stages.iter().enumerate() {
            for i in 0..depth {
                let index = blocks.len();
                let pool = stage > 0 && i == 0;
                if pool {
                    (heads, dim) = (2 * heads, 2 * dim);
                }
                let is_global = config.global_att_blocks.contains(&index);
                let window = if is_global { 0 } else { config.window_spec[if pool { stage - 1 } else { stage }] };
                let ends_stage = i + 1 == depth;
                let name = format!("{trunk}.blocks.{index}");
                let epsilon = ENCODER_NORM_EPSILON;
                let qkv = weights.linear(&format!("{name}.attn.qkv"))?;
                // A token outside the map is zeros, norm or not: the bias remains of it.
                let outside = upload(gpu, &qkv.bias, 1);
                let qkv = match pool {
                    true => qkv.beside(&[&weights.linear(&format!("{name}.proj"))?]),
                    false => qkv,
                };
                let layer = |name: String| weights.linear(&name);
                let adapter = format!("image_encoder.adapters.{index}");
                let adapter = match weights.has(&format!("{adapter}.down.weight")) {
                    true => Some([
                        layer(format!("{adapter}.down"))?.upload(gpu),
                        layer(format!("{adapter}.up"))?.upload(gpu),
                    ]),
                    false => None,
                };
                blocks.push(Block {
                    adapter,
                    qkv: qkv.after_norm(weights, &format!("{name}.norm1"), epsilon)?.upload(gpu),
                    outside,
                    proj: layer(format!("{name}.attn.proj"))?.upload(gpu),
                    mlp: [
                        layer(format!("{name}.mlp.layers.0"))?
                            .after_norm(weights, &format!("{name}.norm2"), epsilon)?
                            .upload(gpu),
                        layer(format!("{name}.mlp.layers.1"))?.upload(gpu),
                    ],
                    heads,
                    dim_out: dim,
                    window,
                    pool,
                    ends_stage,
                });
            }
        }
        let lateral = |level: usize| weights.linear(&format!("image_encoder.neck.convs.{}.conv", 3 - level));
        let no_mem_embed = &weights.get("no_mem_embed")?.values;
        let projected = |level: usize| -> Result<Layer, GpuError> {
            Ok(lateral(level)?.then(&weights.linear(&format!("mask_decoder.conv_s{level}"))?).upload(gpu))
        };
        Ok(Self {
            patch_embed: weights.conv(&format!("{trunk}.patch_embed.proj"))?.upload(gpu),
            positions: upload(gpu, &positions, (image_size / 4) * (image_size / 4)),
            blocks,
            coarsest: lateral(3)?.upload(gpu),
            embedding: lateral(2)?.plus(no_mem_embed).upload(gpu),
            high_res: [projected(0)?, projected(1)?],
            image_size,
            normalization,
        })
    }

    /// From a frame's bytes and the table of how it lies in the input to `features`.
    pub fn record(&self, plan: &mut Recorder, bytes: &Tensor, table: &Tensor, features: &Features) {
        let image = self.preprocess(plan, bytes, table);
        let mut side = self.image_size / PATCH.stride;
        let mut x = plan.linear(&Linear {
            conv: Some(Conv { input: [self.image_size; 2], ..PATCH }),
            residual: Residual::Map(&self.positions),
            ..Linear::new(&image, &self.patch_embed, [side; 2])
        });
        let mut stages = Vec::new();
        for block in &self.blocks {
            x = block.record(plan, &x, &mut side);
            if block.ends_stage {
                stages.push((x.clone(), side));
            }
        }
        let [(finest, s0), (finer, s1), (coarser, s2), (coarsest, s3)] = &stages[..] else {
            unreachable!("a trunk has four stages")
        };
        let top_down = plan.linear(&Linear::new(coarsest, &self.coarsest, [*s3; 2]));
        plan.linear(&Linear {
            residual: Residual::Upsampled(&top_down, 2),
            into: Some(&features.image_embedding),
            ..Linear::new(coarser, &self.embedding, [*s2; 2])
        });
        for (map, side, layer, into) in [
            (finest, s0, &self.high_res[0], &features.high_res[0]),
            (finer, s1, &self.high_res[1], &features.high_res[1]),
        ] {
            plan.linear(&Linear { into: Some(into), ..Linear::new(map, layer, [*side; 2]) });
        }
    }

    fn preprocess(&self, plan: &mut Recorder, bytes: &Tensor, table: &Tensor) -> Tensor {
        let size = self.image_size;
        let image = plan.tensor(size * size, 4);
        let Normalization { mean, std } = self.normalization;
        let scale = std.map(|std| 1.0 / (255.0 * std));
        let offset = [0, 1, 2].map(|c| -mean[c] / std[c]);
        let parameters = parameters![size, scale[0], scale[1], scale[2], offset[0], offset[1], offset[2]];
        let groups = [size.div_ceil(64), size, 1];
        plan.add((Kernel::Preprocess, String::new()), &parameters, &[bytes, table], &[&image], groups);
        image
    }
}

impl Block {
    fn record(&self, plan: &mut Recorder, x: &Tensor, side: &mut usize) -> Tensor {
        let mut x = x.clone();
        if let Some([down, up]) = &self.adapter {
            let hidden = plan.linear(&Linear { activation: Activation::Gelu, ..Linear::new(&x, down, [*side; 2]) });
            let residual = Residual::Map(&x);
            x = plan.linear(&Linear { activation: Activation::Gelu, residual, ..Linear::new(&hidden, up, [*side; 2]) });
        }
        let dim = self.dim_out;
        let qkv = plan.linear(&Linear::new(&x, &self.qkv, [*side; 2]));
        let windows = Windows {
            grid: [*side; 2],
            side: if self.window == 0 { *side } else { self.window },
            pool: self.pool,
            outside: &self.outside,
        };
        let keys = *side * *side;
        if self.pool {
            *side /= 2;
        }
        let heads = [0, dim, 2 * dim].map(|offset| Heads::new(&qkv, offset));
        // Without windows and pooling the keys are a plain list.
        let windows = (self.window > 0 || self.pool).then_some(windows);
        let attended = plan.attention(heads, 1, [*side * *side, keys], dim, self.heads, windows);
        let residual = if self.pool { Residual::Pooled(&qkv, 3 * dim) } else { Residual::Map(&x) };
        let x = plan.linear(&Linear { residual, ..Linear::new(&attended, &self.proj, [*side; 2]) });
        let hidden = plan.linear(&Linear { activation: Activation::Gelu, ..Linear::new(&x, &self.mlp[0], [*side; 2]) });
        plan.linear(&Linear { residual: Residual::Map(&x), ..Linear::new(&hidden, &self.mlp[1], [*side; 2]) })
    }
}

/// The stretched table plus the repeated one, `[side, side, embed_dim]`.
fn position_table(weights: &Weights, config: &HieraConfig, side: usize) -> Result<Vec<f32>, GpuError> {
    let background = weights.get("image_encoder.trunk.pos_embed")?;
    let window = weights.get("image_encoder.trunk.pos_embed_window")?;
    let (from, repeated, channels) = (background.shape[2], window.shape[2], config.embed_dim);
    let taps = Interpolation::Bicubic.weights(from, side);
    let mut table = vec![0f32; side * side * channels];
    for channel in 0..channels {
        let plane = &background.values[channel * from * from..][..from * from];
        let tile = &window.values[channel * repeated * repeated..][..repeated * repeated];
        // Rows first, then columns.
        let tall: Vec<f32> = (0..side * from)
            .map(|i| (0..from).map(|k| taps[i / from * from + k] * plane[k * from + i % from]).sum())
            .collect();
        for (i, value) in table.iter_mut().skip(channel).step_by(channels).enumerate() {
            let (row, column) = (i / side, i % side);
            let stretched: f32 = (0..from).map(|k| taps[column * from + k] * tall[row * from + k]).sum();
            *value = stretched + tile[row % repeated * repeated + column % repeated];
        }
    }
    Ok(table)
}
