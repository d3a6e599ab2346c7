//! Sam2Rad: promptless segmentation of ultrasound (Wahd et al., arXiv 2409.06821) on burn, native and in the browser.
//!
//! A SAM or SAM 2 image encoder looks at a frame once; a Prompt Predictor Network turns the learnt prompts of each
//! structure into a box, a mask and prompt embeddings; SAM's mask decoder draws the mask. `ARCHITECTURE.md` has the map.
//!
//! ```no_run
//! use sam2rad::frame::Frame;
//! use sam2rad::segmenter::{Request, Segmenter};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let segmenter = Segmenter::open("hip.safetensors")?;
//! let frame = segmenter.encode(&Frame::from_grey(640, 480, &vec![0; 640 * 480])?);
//! for structure in segmenter.segment_blocking(&frame, &Request::default())?.structures {
//!     println!("{}: {} pixels", segmenter.structures()[structure.structure].name, structure.area);
//! }
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

/// The tensor library: its `Device` says where a model computes.
pub use burn;

pub mod brush;
pub mod checkpoint;
pub mod config;
pub mod contour;
#[cfg(feature = "train")]
pub mod dataset;
#[cfg(feature = "dicom")]
pub mod dicom;
#[cfg(feature = "learn")]
pub mod evaluation;
pub mod explain;
pub mod frame;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod image_encoder;
#[cfg(feature = "learn")]
pub mod learner;
pub mod mask_decoder;
pub mod measure;
pub mod memory;
pub mod memory_attention;
pub mod memory_encoder;
pub mod model;
pub mod nn;
pub mod overlay;
#[cfg(feature = "train")]
pub mod phantom;
#[cfg(feature = "picture")]
pub mod picture;
pub mod postprocess;
pub mod preprocess;
pub mod prompt_encoder;
pub mod prompt_predictor;
pub mod resample;
pub mod segmenter;
pub mod structure;
pub mod tracker;
#[cfg(feature = "train")]
pub mod train;
pub mod transformer;
#[cfg(all(target_arch = "wasm32", any(feature = "cpu", feature = "webgpu")))]
mod web;
#[cfg(all(target_arch = "wasm32", feature = "dicom"))]
mod web_dicom;
