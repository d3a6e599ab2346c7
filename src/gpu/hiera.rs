//! SAM 2's image encoder: Hiera and its neck.

use super::GpuError;
use super::device::Gpu;
use super::encoder::{Adapter, Features, high_res};
use super::matrix::{Layer, Weights, upload};
use super::ops::{Activation, Conv, Heads, Linear, Residual, Windows};
use super::plan::{Recorder, Tensor};
use crate::config::HieraConfig;
use crate::nn::{ENCODER_NORM_EPSILON, Interpolation};

/// The patch embedding's step.
const PATCH_STRIDE: usize = 4;

/// The encoder's weights, uploaded.
pub(super) struct Hiera {
    patch_embed: Layer,
    positions: Tensor,
    blocks: Vec<Block>,
    /// The neck's coarsest level; the image embedding's; the two finer ones, with the decoder's projections folded in.
    coarsest: Layer,
    embedding: Layer,
    high_res: [Layer; 2],
    image_size: usize,
}

struct Block {
    adapter: Option<Adapter>,
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

impl Hiera {
    pub fn new(gpu: &Gpu, weights: &Weights, config: &HieraConfig, image_size: usize) -> Result<Self, GpuError> {
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
                blocks.push(Block {
                    adapter: Adapter::new(gpu, weights, index)?,
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
        Ok(Self {
            patch_embed: weights.conv(&format!("{trunk}.patch_embed.proj"))?.upload(gpu),
            positions: upload(gpu, &positions, (image_size / 4) * (image_size / 4)),
            blocks,
            coarsest: lateral(3)?.upload(gpu),
            embedding: lateral(2)?.plus(no_mem_embed).upload(gpu),
            high_res: high_res(gpu, weights, [lateral(0)?, lateral(1)?])?,
            image_size,
        })
    }

    /// From the input `[image_size, image_size, 4]` to `features`.
    pub fn record(&self, plan: &mut Recorder, image: &Tensor, features: &Features) {
        let mut side = self.image_size / PATCH_STRIDE;
        let mut x = plan.linear(&Linear {
            conv: Some(Conv { stride: PATCH_STRIDE, ..Conv::same(7, [self.image_size; 2]) }),
            residual: Residual::Map(&self.positions),
            ..Linear::new(image, &self.patch_embed, [side; 2])
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
}

impl Block {
    fn record(&self, plan: &mut Recorder, x: &Tensor, side: &mut usize) -> Tensor {
        let mut x = x.clone();
        if let Some(adapter) = &self.adapter {
            x = adapter.record(plan, &x, *side);
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
