//! Our own convolutional encoder (`src/image_encoder/conv_net.rs`): every convolution is a product whose inputs are read
//! where they lie, with its bias, activation and residual in the same kernel.

use super::GpuError;
use super::device::Gpu;
use super::encoder::{Adapter, Features, high_res};
use super::matrix::{Layer, Norm, Weights};
use super::ops::{Activation, Conv, Linear, Residual};
use super::plan::{Recorder, Tensor};
use crate::config::ConvNetConfig;
use crate::nn::ENCODER_NORM_EPSILON;

/// The encoder's weights, uploaded.
pub(super) struct ConvNet {
    /// Finest first.
    stages: Vec<DownStage>,
    /// Coarsest first.
    up_stages: Vec<UpStage>,
    embedding: Layer,
    /// Finest first.
    high_res: [Layer; 2],
    image_size: usize,
}

struct DownStage {
    conv: Layer,
    blocks: Vec<(Option<Adapter>, Block)>,
}

struct UpStage {
    top_down: Layer,
    lateral: Layer,
    block: Block,
}

struct Block {
    norm: Norm,
    convs: [Layer; 2],
}

impl ConvNet {
    pub fn new(gpu: &Gpu, weights: &Weights, config: &ConvNetConfig, image_size: usize) -> Result<Self, GpuError> {
        let conv = |name: String| weights.conv(&name).map(|matrix| matrix.upload(gpu));
        let linear = |name: String| weights.linear(&name).map(|matrix| matrix.upload(gpu));
        let mut stages = Vec::new();
        let mut count = 0;
        for (i, &depth) in config.depths.iter().enumerate() {
            let name = format!("image_encoder.stages.{i}");
            let mut blocks = Vec::new();
            for j in 0..depth {
                let block = Block::new(gpu, weights, &format!("{name}.blocks.{j}"))?;
                blocks.push((Adapter::new(gpu, weights, count)?, block));
                count += 1;
            }
            stages.push(DownStage { conv: conv(format!("{name}.conv"))?, blocks });
        }
        let up_stages = (0..config.depths.len() - 2).map(|i| -> Result<UpStage, GpuError> {
            let name = format!("image_encoder.up_stages.{i}");
            Ok(UpStage {
                top_down: linear(format!("{name}.top_down"))?,
                lateral: linear(format!("{name}.lateral"))?,
                block: Block::new(gpu, weights, &format!("{name}.block"))?,
            })
        });
        let neck = |i: usize| weights.linear(&format!("image_encoder.neck.{i}"));
        Ok(Self {
            stages,
            up_stages: up_stages.collect::<Result<_, _>>()?,
            embedding: neck(2)?.plus(&weights.get("no_mem_embed")?.values).upload(gpu),
            high_res: high_res(gpu, weights, [neck(0)?, neck(1)?])?,
            image_size,
        })
    }

    /// From the input `[image_size, image_size, 4]` to `features`.
    pub fn record(&self, plan: &mut Recorder, image: &Tensor, features: &Features) {
        let mut side = self.image_size;
        let mut x = image.clone();
        let mut maps = Vec::new();
        for stage in &self.stages {
            let conv = Some(Conv { kernel: 2, stride: 2, padding: 0, input: [side; 2] });
            side /= 2;
            x = plan.linear(&Linear { conv, ..Linear::new(&x, &stage.conv, [side; 2]) });
            for (adapter, block) in &stage.blocks {
                if let Some(adapter) = adapter {
                    x = adapter.record(plan, &x, side);
                }
                x = block.record(plan, &x, side);
            }
            maps.push(x.clone());
        }
        // The coarsest is what the way up starts from; the finest of all is not on it.
        let finer = maps[1..maps.len() - 1].iter().rev();
        let mut levels = Vec::new();
        for (stage, map) in self.up_stages.iter().zip(finer) {
            let top_down = plan.linear(&Linear::new(&x, &stage.top_down, [side; 2]));
            side *= 2;
            let residual = Residual::Upsampled(&top_down, 2);
            x = plan.linear(&Linear { residual, ..Linear::new(map, &stage.lateral, [side; 2]) });
            x = stage.block.record(plan, &x, side);
            levels.push((x.clone(), side));
        }
        let into = [&features.image_embedding, &features.high_res[1], &features.high_res[0]];
        let layers = [&self.embedding, &self.high_res[1], &self.high_res[0]];
        for (((map, side), layer), into) in levels.iter().zip(layers).zip(into) {
            plan.linear(&Linear { into: Some(into), ..Linear::new(map, layer, [*side; 2]) });
        }
    }
}

impl Block {
    fn new(gpu: &Gpu, weights: &Weights, name: &str) -> Result<Self, GpuError> {
        let conv = |i: usize| weights.conv(&format!("{name}.conv{i}")).map(|matrix| matrix.upload(gpu));
        Ok(Self {
            norm: weights.norm(gpu, &format!("{name}.norm"), ENCODER_NORM_EPSILON)?,
            convs: [conv(1)?, conv(2)?],
        })
    }

    /// The norm is a kernel by itself: outside the map a convolution reads zeros, which the norm's shift is not.
    fn record(&self, plan: &mut Recorder, x: &Tensor, side: usize) -> Tensor {
        let conv = Some(Conv::same(3, [side; 2]));
        let normed = plan.norm(x, &self.norm, Activation::None);
        let activation = Activation::Gelu;
        let hidden = plan.linear(&Linear { conv, activation, ..Linear::new(&normed, &self.convs[0], [side; 2]) });
        let residual = Residual::Map(x);
        plan.linear(&Linear { conv, residual, ..Linear::new(&hidden, &self.convs[1], [side; 2]) })
    }
}
