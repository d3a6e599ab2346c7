//! Image encoders: a frame's pixels to an image embedding and two high-resolution maps.

mod adapter;
mod conv_net;
mod fpn_neck;
mod hiera;
mod tiny_vit;
mod vit;

pub use adapter::Adapter;
pub use conv_net::ConvNet;
pub use fpn_neck::FpnNeck;
pub use hiera::{Hiera, HieraEncoder};
pub use tiny_vit::TinyVit;
pub use vit::ImageEncoderVit;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::config::{Backbone, Sam2RadConfig};
use crate::nn::{
    Conv3x3, Conv3x3Config, ENCODER_NORM_EPSILON, LayerNorm, LayerNormConfig, PointwiseConv, PointwiseConvConfig,
};

/// What is computed once for a frame and serves every structure and every prompt.
#[derive(Debug, Clone)]
pub struct ImageFeatures {
    /// `[1, image_size / 16, image_size / 16, dim]`.
    pub image_embedding: Tensor<4>,
    /// Two finer maps, finest first. SAM 2: `[1, image_size / 4, .., dim / 8]` and `[1, image_size / 8, .., dim / 4]`;
    /// SAM and MobileSAM: two late block outputs at `image_size / 16`.
    pub high_res_features: [Tensor<4>; 2],
}

/// The families.
#[allow(clippy::large_enum_variant, reason = "one in a network")]
#[derive(Module, Debug)]
pub enum ImageEncoder {
    /// SAM 2.
    Hiera(HieraEncoder),
    /// SAM.
    Vit(ImageEncoderVit),
    /// MobileSAM.
    TinyVit(TinyVit),
    /// Our own.
    ConvNet(ConvNet),
}

impl ImageEncoder {
    /// Makes the encoder that `config` names.
    pub fn init(config: &Sam2RadConfig, device: &Device) -> Self {
        let encoder = &config.image_encoder;
        let (dim, adapter) = (encoder.prompt_embed_dim, encoder.adapter);
        match &encoder.backbone {
            Backbone::Hiera(hiera) => Self::Hiera(HieraEncoder::init(hiera, dim, adapter, device)),
            Backbone::Vit(vit) => Self::Vit(ImageEncoderVit::init(vit, config.embedding_size(), dim, adapter, device)),
            Backbone::TinyVit(vit) => Self::TinyVit(TinyVit::init(vit, dim, adapter, device)),
            Backbone::ConvNet(net) => Self::ConvNet(ConvNet::init(net, dim, adapter, device)),
        }
    }

    /// `[1, 3, image_size, image_size]`, normalised, -> features. SAM 2's finer maps still have the neck's width: the mask
    /// decoder narrows them. `look` is shown the patch embedding and each block's output, `[1, h, w, channels]`.
    pub fn forward(&self, image: Tensor<4>, look: &mut dyn FnMut(Tensor<4>)) -> ImageFeatures {
        match self {
            Self::Hiera(encoder) => encoder.forward(image, look),
            Self::Vit(encoder) => encoder.forward(image, look),
            Self::TinyVit(encoder) => encoder.forward(image, look),
            Self::ConvNet(encoder) => encoder.forward(image, look),
        }
    }
}

/// The neck of SAM's ViT and of TinyViT: a pointwise and a 3x3 convolution, each followed by a norm.
#[derive(Module, Debug)]
pub struct ConvNeck {
    conv1: PointwiseConv,
    norm1: LayerNorm,
    conv2: Conv3x3,
    norm2: LayerNorm,
}

impl ConvNeck {
    fn init(embed_dim: usize, out_chans: usize, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(out_chans).with_epsilon(ENCODER_NORM_EPSILON).init(device);
        Self {
            conv1: PointwiseConvConfig::new(embed_dim, out_chans).with_bias(false).init(device),
            norm1: norm(),
            conv2: Conv3x3Config::new(out_chans, out_chans).with_bias(false).init(device),
            norm2: norm(),
        }
    }

    /// `[1, h, w, embed_dim]` -> `[1, h, w, out_chans]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.norm1.forward(self.conv1.forward(x));
        self.norm2.forward(self.conv2.forward(x))
    }
}
