//! SAM 2's feature pyramid neck (`backbones/image_encoder.py`).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::nn::{PointwiseConv, PointwiseConvConfig, upsample_nearest};

/// The coarsest level only feeds the one above it (`scalp: 1`, `fpn_top_down_levels: [2, 3]`).
#[derive(Module, Debug)]
pub struct FpnNeck {
    /// Lateral projections, coarsest level first.
    convs: Vec<Lateral>,
}

/// A named level, as the checkpoint has it.
#[derive(Module, Debug)]
pub struct Lateral {
    conv: PointwiseConv,
}

impl FpnNeck {
    /// Makes the neck for a trunk whose finest stage has `embed_dim` channels.
    pub fn init(embed_dim: usize, d_model: usize, device: &Device) -> Self {
        let lateral = |stage| Lateral { conv: PointwiseConvConfig::new(embed_dim << stage, d_model).init(device) };
        Self { convs: (0..4).rev().map(lateral).collect() }
    }

    /// The four stages' outputs, finest first, `[1, h, w, channels]` -> the three finest levels, `[1, h, w, d_model]`.
    pub fn forward(&self, stages: [Tensor<4>; 4]) -> [Tensor<4>; 3] {
        let [finest, finer, coarser, coarsest] = stages;
        let lateral = |level: usize, x| self.convs[3 - level].conv.forward(x);
        let top_down = upsample_nearest(lateral(3, coarsest), 2);
        [lateral(0, finest), lateral(1, finer), lateral(2, coarser) + top_down]
    }
}
