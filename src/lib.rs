//! Sam2Rad: promptless segmentation of ultrasound (Wahd et al., arXiv 2409.06821) on burn, native and in the browser.
//!
//! A SAM or SAM 2 image encoder looks at a frame once; a Prompt Predictor Network turns the learnt prompts of each
//! structure into a box, a mask and prompt embeddings; SAM's mask decoder draws the mask. `ARCHITECTURE.md` has the map.
#![warn(missing_docs)]

pub mod config;
