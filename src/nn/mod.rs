//! Layers that the networks share. Activations are channels-last, `[batch, height, width, channels]`.

mod activation;
mod attention;
mod conv2d;
mod conv3x3;
#[cfg(feature = "learn")]
mod gradients;
#[cfg(feature = "cpu")]
mod kernels;
mod layer_norm;
mod linear;
mod max_pool;
mod mlp;
mod once;
mod patch;
mod pointwise;
pub mod position_encoding;
mod resize;
mod window;

pub use activation::{Activation, gelu};
pub use attention::{attention, attention_weights};
pub use conv2d::{Conv2d, Conv2dConfig, conv2d};
pub use conv3x3::{Conv3x3, Conv3x3Config};
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use linear::{affine, linear};
pub use max_pool::max_pool_2x2;
pub use mlp::{Mlp, MlpConfig};
pub(crate) use once::Once;
pub use patch::{PatchConv, PatchConvConfig, UpscaleConv, UpscaleConvConfig};
pub use pointwise::{PointwiseConv, PointwiseConvConfig};
pub use resize::{Interpolation, resize, upsample_nearest};
pub use window::{window_partition, window_unpartition};

use burn::nn::Initializer;

/// Epsilon of the layer norms inside SAM's image encoders and of every `LayerNorm2d`; elsewhere it is PyTorch's 1e-5.
pub const ENCODER_NORM_EPSILON: f64 = 1e-6;

/// Does `work` among the threads of the pool, where there is one: a kernel then shares its work with those that are free, instead of
/// waking them and waiting for them from without.
pub(crate) fn on_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "rayon")]
    return rayon::scope(|_| work());
    #[cfg(not(feature = "rayon"))]
    work()
}

/// PyTorch's default initialisation of linear and convolution weights: uniform, bounded by `1 / sqrt(fan_in)`.
pub(crate) fn torch_default() -> Initializer {
    Initializer::KaimingUniform { gain: 1.0 / 3f64.sqrt(), fan_out_only: false }
}

/// The initialisation of embeddings and learnt tokens, N(0, 1).
pub(crate) fn normal() -> Initializer {
    Initializer::Normal { mean: 0.0, std: 1.0 }
}

/// The initialisation of position tables and `no_mem_embed`, close to zero.
pub(crate) fn small_normal() -> Initializer {
    Initializer::Normal { mean: 0.0, std: 0.02 }
}
