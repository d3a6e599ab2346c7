//! The GPU of the WebGPU bundle: one device for all models.

use std::cell::RefCell;
use wasm_bindgen::prelude::*;

use super::load::error_of_kind;
use crate::gpu::{Gpu, GpuError};
use crate::segmenter::Segmenter;

/// The same model with its frames and prompts computed on WebGPU.
pub async fn on_gpu(segmenter: Segmenter) -> Result<Segmenter, JsValue> {
    let gpu = device().await.map_err(to_js)?;
    segmenter.on_gpu(gpu).map_err(to_js)
}

async fn device() -> Result<Gpu, GpuError> {
    thread_local!(static GPU: RefCell<Option<Gpu>> = const { RefCell::new(None) });
    if let Some(gpu) = GPU.with_borrow(Clone::clone) {
        return Ok(gpu);
    }
    let gpu = Gpu::open().await?;
    GPU.set(Some(gpu.clone()));
    Ok(gpu)
}

fn to_js(error: GpuError) -> JsValue {
    let kind = match error {
        GpuError::NotCovered(_) => "not-on-gpu",
        GpuError::NoAdapter(_) | GpuError::Device(_) => "gpu",
    };
    error_of_kind(kind, &error.to_string())
}
