//! What the page's worker calls: a model from the pieces of its file, a frame in, masks out.
//!
//! Data crosses as typed arrays. One of the features `cpu` and `webgpu` says where a bundle computes.

mod follow;
#[cfg(feature = "webgpu")]
mod gpu;
mod inspect;
#[cfg(feature = "learn")]
mod learn;
mod load;
mod model;
mod request;
mod result;
mod types;

use wasm_bindgen::prelude::*;
// Exports `initThreadPool(threads)`, which starts the workers that the CPU computes on; without it one thread does everything.
#[cfg(feature = "rayon")]
use wasm_bindgen_rayon as _;

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The crate's version.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
