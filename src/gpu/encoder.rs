//! Image encoders: a frame's bytes to the maps that serve every prompt.

use super::GpuError;
use super::conv_net::ConvNet;
use super::device::Gpu;
use super::hiera::Hiera;
use super::matrix::{Layer, Matrix, Weights};
use super::ops::{Activation, Linear, Residual};
use super::plan::{Kernel, Recorder, Tensor, parameters};
use crate::config::{Backbone, Sam2RadConfig};
use crate::preprocess::Normalization;

/// A frame's features, which outlive the plan that makes them.
#[derive(Debug, Clone)]
pub(super) struct Features {
    /// `[side / 16, side / 16, dim]`.
    pub image_embedding: Tensor,
    /// `[side / 4, .., dim / 8]` and `[side / 8, .., dim / 4]`.
    pub high_res: [Tensor; 2],
}

/// The families for which there are kernels, their weights uploaded.
#[allow(clippy::large_enum_variant, reason = "one in an engine")]
enum Network {
    Hiera(Hiera),
    ConvNet(ConvNet),
}

/// An image encoder with what comes before it.
pub(super) struct Encoder {
    network: Network,
    image_size: usize,
    normalization: Normalization,
}

impl Encoder {
    pub fn new(
        gpu: &Gpu,
        weights: &Weights,
        config: &Sam2RadConfig,
        normalization: Normalization,
    ) -> Result<Self, GpuError> {
        let image_size = config.image_size;
        let network = match &config.image_encoder.backbone {
            Backbone::Hiera(hiera) => Network::Hiera(Hiera::new(gpu, weights, hiera, image_size)?),
            Backbone::ConvNet(net) => Network::ConvNet(ConvNet::new(gpu, weights, net, image_size)?),
            Backbone::Vit(_) | Backbone::TinyVit(_) => {
                return Err(GpuError::NotCovered(format!("the image encoder {}", config.architecture.image_encoder)));
            }
        };
        Ok(Self { network, image_size, normalization })
    }

    /// From a frame's bytes and the table of how it lies in the input to `features`.
    pub fn record(&self, plan: &mut Recorder, bytes: &Tensor, table: &Tensor, features: &Features) {
        let image = self.preprocess(plan, bytes, table);
        match &self.network {
            Network::Hiera(hiera) => hiera.record(plan, &image, features),
            Network::ConvNet(net) => net.record(plan, &image, features),
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

/// The decoder's projections of the two finer maps, each with what comes before it folded in: the levels' lateral
/// layers, finest first.
pub(super) fn high_res(gpu: &Gpu, weights: &Weights, lateral: [Matrix; 2]) -> Result<[Layer; 2], GpuError> {
    let [finest, finer] = lateral;
    let projected = |lateral: &Matrix, level: usize| -> Result<Layer, GpuError> {
        Ok(lateral.then(&weights.linear(&format!("mask_decoder.conv_s{level}"))?).upload(gpu))
    };
    Ok([projected(&finest, 0)?, projected(&finer, 1)?])
}

/// An adapter in front of a block.
pub(super) struct Adapter {
    down: Layer,
    up: Layer,
}

impl Adapter {
    /// The adapter of a block, where the model has it.
    pub fn new(gpu: &Gpu, weights: &Weights, block: usize) -> Result<Option<Self>, GpuError> {
        let name = format!("image_encoder.adapters.{block}");
        if !weights.has(&format!("{name}.down.weight")) {
            return Ok(None);
        }
        let layer = |of: &str| weights.linear(&format!("{name}.{of}")).map(|matrix| matrix.upload(gpu));
        Ok(Some(Self { down: layer("down")?, up: layer("up")? }))
    }

    pub fn record(&self, plan: &mut Recorder, x: &Tensor, side: usize) -> Tensor {
        let gelu = Activation::Gelu;
        let hidden = plan.linear(&Linear { activation: gelu, ..Linear::new(x, &self.down, [side; 2]) });
        let residual = Residual::Map(x);
        plan.linear(&Linear { activation: gelu, residual, ..Linear::new(&hidden, &self.up, [side; 2]) })
    }
}
