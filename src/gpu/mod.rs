//! Inference on a GPU by kernels of our own, WGSL through wgpu: on Vulkan, Metal and DirectX 12, and on WebGPU in the browser.
//!
//! ```text
//! weights (canonical names) -> matrix: folded, transposed, uploaded once
//! encoder, predictor, decoder -> record their kernels with `plan::Recorder` -> Plan: pipelines, bind groups, buffers
//! engine: a frame is one submission of the first plan, an answer one of the second and one readback
//! ```
//!
//! A plan is made once for a model, a size and a number of prompts and used for every frame. It covers SAM 2's
//! encoders (Hiera) and our convolutional one; [`Engine::covers`] says what there is not.

mod conv_net;
mod decoder;
mod device;
mod encoder;
mod engine;
mod hiera;
mod matrix;
mod ops;
mod plan;
mod positions;
mod predictor;
mod question;
#[cfg(test)]
mod tests;

pub use device::{Gpu, adapters};
pub use engine::Engine;
pub use matrix::{Array, Weights};
pub use question::{Answer, Asked, Dense, Question};

/// Why there is no answer from a GPU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// There is none.
    #[error("no GPU was found ({0}); compute on the CPU instead")]
    NoAdapter(String),
    /// It stopped working, or an operation failed.
    #[error("the GPU failed: {0}; compute on the CPU instead")]
    Device(String),
    /// No kernels for it.
    #[error("{0} is not computed on a GPU yet; compute on the CPU instead")]
    NotCovered(String),
}
