//! What a person says of a model for its card, and the defaults.

use super::{Dtype, ModelCard};
use crate::config::Sam2RadConfig;
use crate::overlay::default_color;
use crate::structure::Structure;

/// What a person says of a model; what is empty is taken from the file it is converted from, where that has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Names of the structures, in the order of their prompts.
    pub structures: Vec<String>,
    /// Where the weights come from.
    pub provenance: String,
    /// Under which licence they are.
    pub licence: String,
    /// What they were trained on.
    pub training_data: String,
    /// When they were made, `YYYY-MM-DD`.
    pub date: String,
}

impl Description {
    /// The card of a network, with what the card of the file it comes from has. Structures without a name are numbered.
    pub fn card(self, config: &Sam2RadConfig, known: Option<&ModelCard>, dtype: Dtype) -> ModelCard {
        let structures = (0..config.structures).map(|i| {
            let before = known.and_then(|card| card.structures.get(i));
            let name = self.structures.get(i).or(before.map(|structure| &structure.name));
            Structure {
                name: name.cloned().unwrap_or_else(|| format!("structure {}", i + 1)),
                color: before.map_or_else(|| default_color(i), |structure| structure.color),
            }
        });
        let structures = structures.collect();
        let or = |said: String, of: fn(&ModelCard) -> &String| match known {
            Some(card) if said.is_empty() => of(card).clone(),
            _ => said,
        };
        ModelCard {
            architecture: config.architecture.clone(),
            image_size: config.image_size,
            tokens: config.tokens,
            structures,
            parts: config.parts,
            dtype,
            interactive: known.is_some_and(|card| card.interactive),
            calibration: known.and_then(|card| card.calibration.clone()),
            fit: Some(config.fit),
            normalization: known.map(|card| card.normalization).unwrap_or_default(),
            provenance: or(self.provenance, |card| &card.provenance),
            licence: or(self.licence, |card| &card.licence),
            training_data: or(self.training_data, |card| &card.training_data),
            date: or(self.date, |card| &card.date),
            sha256: String::new(),
        }
    }
}
