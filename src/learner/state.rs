//! The state of a training, from which it resumes as if it had never stopped.
//!
//! Random choices need no state: they follow from the seed and the step (see `random`).

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

use super::LearnError;
use super::recipe::Recipe;
use super::tally::Sums;
use crate::model::Sam2Rad;

/// What a training counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// Steps done.
    pub step: usize,
    /// The best mean Dice so far, and its step.
    pub best: Option<(f64, usize)>,
    /// Validations since then.
    pub stale: usize,
    /// Losses since the last row of the table.
    pub sums: Sums,
}

/// A checkpoint. Weights and moments are as burn writes them.
pub struct Saved {
    /// The step and what is counted on the way.
    pub counters: Counters,
    /// The weights, f32.
    pub model: Bytes,
    /// Their moving average, if there is one.
    pub average: Option<Bytes>,
    /// AdamW's moments.
    pub optimizer: Bytes,
}

/// What a training is made of.
pub(super) struct Parts {
    pub model: Sam2Rad,
    pub average: Option<Sam2Rad>,
    pub optimizer: ModuleOptimizer,
    pub counters: Counters,
}

/// The parts of a checkpoint, as errors and its own file name them.
const MODEL: &str = "model";
const AVERAGE: &str = "average";
const OPTIMIZER: &str = "optimizer";
const STATE: &str = "state";

impl Saved {
    /// Takes a training's state.
    pub(super) fn new(
        model: &Sam2Rad,
        average: Option<&Sam2Rad>,
        optimizer: &ModuleOptimizer,
        counters: &Counters,
    ) -> Result<Self, LearnError> {
        let bytes = |module: &Sam2Rad, part| module.valid().into_record().into_bytes().map_err(damaged(part));
        Ok(Self {
            counters: counters.clone(),
            model: bytes(model, MODEL)?,
            average: average.map(|average| bytes(average, AVERAGE)).transpose()?,
            optimizer: optimizer.into_bytes().map_err(damaged(OPTIMIZER))?,
        })
    }

    /// Puts it into the network and the optimizer that the recipe makes.
    pub(super) fn restore(self, parts: Parts) -> Result<Parts, LearnError> {
        let read = |module: Sam2Rad, bytes: Bytes, part| {
            let record = ModuleRecord::from_bytes(bytes).map_err(damaged(part))?;
            module.try_load_record(record).map_err(damaged(part))
        };
        let missing = || LearnError::State { part: AVERAGE, why: "it is missing".into() };
        Ok(Parts {
            model: read(parts.model, self.model, MODEL)?,
            average: match parts.average {
                Some(average) => Some(read(average, self.average.ok_or_else(missing)?, AVERAGE)?),
                None => None,
            },
            optimizer: parts.optimizer.from_bytes(self.optimizer).map_err(damaged(OPTIMIZER))?,
            counters: self.counters,
        })
    }

    /// The checkpoint as one file, with the recipe that it is of.
    pub fn to_bytes(&self, recipe: &Recipe) -> Result<Vec<u8>, LearnError> {
        let parts = [(MODEL, Some(&self.model)), (AVERAGE, self.average.as_ref()), (OPTIMIZER, Some(&self.optimizer))];
        let parts = parts.iter().filter_map(|(name, bytes)| Some((*name, (*bytes)?)));
        let view = |(name, bytes)| {
            let view = TensorView::new(Dtype::U8, vec![Bytes::len(bytes)], bytes);
            view.map(|view| (name, view)).map_err(damaged(name))
        };
        let views: Result<Vec<_>, _> = parts.map(view).collect();
        let state = serde_json::to_string(&(&self.counters, recipe)).map_err(damaged(STATE))?;
        safetensors::serialize(views?, Some(HashMap::from([(STATE.to_owned(), state)]))).map_err(damaged(STATE))
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// [`LearnError::State`] where it is damaged, [`LearnError::OtherTraining`] where it is of another recipe.
    pub fn from_bytes(bytes: &[u8], recipe: &Recipe) -> Result<Self, LearnError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged(STATE))?;
        let file = SafeTensors::deserialize(bytes).map_err(damaged(STATE))?;
        let state = metadata.metadata().as_ref().and_then(|entries| entries.get(STATE));
        let state = state.ok_or_else(|| LearnError::State { part: STATE, why: "it is missing".into() })?;
        let (counters, of): (Counters, Recipe) = serde_json::from_str(state).map_err(damaged(STATE))?;
        if of != *recipe {
            return Err(LearnError::OtherTraining);
        }
        let part =
            |name| file.tensor(name).map(|view| Bytes::from_bytes_vec(view.data().to_vec())).map_err(damaged(name));
        Ok(Self {
            counters,
            model: part(MODEL)?,
            average: file.names().contains(&AVERAGE).then(|| part(AVERAGE)).transpose()?,
            optimizer: part(OPTIMIZER)?,
        })
    }
}

fn damaged<E: std::fmt::Debug>(part: &'static str) -> impl FnOnce(E) -> LearnError {
    move |error| LearnError::State { part, why: format!("{error:?}") }
}
