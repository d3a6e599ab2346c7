//! The card of a model that a test makes.

use sam2rad::checkpoint::{Dtype, ModelCard};
use sam2rad::config::Sam2RadConfig;
use sam2rad::structure::Structure;

/// Names of the structures, as many as the network has.
pub const NAMES: [&str; 3] = ["radius", "lunate", "ulna"];

pub fn card(config: &Sam2RadConfig, dtype: Dtype) -> ModelCard {
    let structure = |name: &&str| Structure { name: name.to_string(), color: [230, 159, 0] };
    ModelCard {
        architecture: config.architecture.clone(),
        image_size: config.image_size,
        tokens: config.tokens,
        structures: NAMES[..config.structures].iter().map(structure).collect(),
        parts: config.parts,
        dtype,
        interactive: false,
        calibration: None,
        fit: Some(config.fit),
        normalization: Default::default(),
        provenance: "a test".into(),
        licence: "Apache-2.0".into(),
        training_data: "none: these weights segment nothing, they test the program".into(),
        date: "2026-11-24".into(),
        sha256: String::new(),
    }
}
