//! A training's state on disk, from which it goes on as if it had never stopped.
//!
//! ```text
//! checkpoint/model.bpk       the weights, f32
//! checkpoint/average.bpk     their moving average, if there is one
//! checkpoint/optimizer.bpk   AdamW's moments
//! checkpoint/state.json      the step and what is counted on the way
//! ```
//!
//! Random choices need no state: they follow from the seed and the step (see `random`). A new checkpoint is written beside
//! the old one and takes its place whole.

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::TrainError;
use super::config::TrainConfig;
use super::report::Sums;
use crate::model::Sam2Rad;

/// What a training counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Steps done.
    pub step: usize,
    /// The best mean Dice so far, and its step.
    pub best: Option<(f64, usize)>,
    /// Validations since then.
    pub stale: usize,
    /// Losses since the last row of the table.
    pub sums: Sums,
    /// The configuration, which must not change on the way.
    pub config: TrainConfig,
}

/// What a training is made of.
pub(super) struct Parts {
    pub model: Sam2Rad,
    pub average: Option<Sam2Rad>,
    pub optimizer: ModuleOptimizer,
    pub state: State,
}

/// The folder of the checkpoint inside the output folder.
fn folder(out: &Path) -> PathBuf {
    out.join("checkpoint")
}

/// The checkpoint of `out`, if there is one: a stop between two renames leaves it under its other name.
pub(super) fn find(out: &Path) -> Option<PathBuf> {
    [folder(out), out.join("checkpoint.old")].into_iter().find(|folder| folder.is_dir())
}

/// Writes a checkpoint.
pub(super) fn save(
    out: &Path,
    model: &Sam2Rad,
    average: Option<&Sam2Rad>,
    optimizer: &ModuleOptimizer,
    state: &State,
) -> Result<(), TrainError> {
    let (folder, new, old) = (folder(out), out.join("checkpoint.new"), out.join("checkpoint.old"));
    let failed = |why: String| TrainError::Resume { path: new.clone(), why };
    remove(&new)?;
    std::fs::create_dir_all(&new).map_err(TrainError::io(&new))?;
    let write = |module: &Sam2Rad, name: &str| {
        module.valid().into_record().save(new.join(name)).map_err(|error| failed(format!("{error:?}")))
    };
    write(model, "model.bpk")?;
    if let Some(average) = average {
        write(average, "average.bpk")?;
    }
    optimizer.save(new.join("optimizer.bpk")).map_err(|error| failed(format!("{error:?}")))?;
    let text = serde_json::to_string_pretty(state).map_err(|error| failed(error.to_string()))?;
    std::fs::write(new.join("state.json"), text).map_err(TrainError::io(&new))?;
    remove(&old)?;
    if folder.exists() {
        std::fs::rename(&folder, &old).map_err(TrainError::io(&folder))?;
    }
    std::fs::rename(&new, &folder).map_err(TrainError::io(&new))?;
    remove(&old)
}

fn remove(folder: &Path) -> Result<(), TrainError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TrainError::io(folder)(error)),
        _ => Ok(()),
    }
}

/// Reads the checkpoint of `out` into the network and optimizer that the configuration makes.
pub(super) fn load(out: &Path, parts: Parts) -> Result<Parts, TrainError> {
    let Parts { model, average, optimizer, state } = parts;
    let folder = find(out).ok_or_else(|| TrainError::Resume {
        path: out.into(),
        why: "there is no checkpoint in this folder; start without --resume, and with another --out if it has a model"
            .into(),
    })?;
    let failed = |name: &str| {
        let path = folder.join(name);
        move |why: String| TrainError::Resume {
            path,
            why: format!("{why}; the checkpoint cannot be used, start again"),
        }
    };
    let text = std::fs::read_to_string(folder.join("state.json")).map_err(TrainError::io(&folder))?;
    let saved: State = serde_json::from_str(&text).map_err(|error| failed("state.json")(error.to_string()))?;
    if saved.config != (TrainConfig { steps: saved.config.steps, ..state.config.clone() }) {
        return Err(TrainError::Resume {
            path: folder,
            why:
                "it is of a training with another configuration; resume with the same one, or start again with another \
                  --out"
                    .into(),
        });
    }
    let read = |module: Sam2Rad, name: &str| {
        let record = ModuleRecord::load(folder.join(name)).map_err(|error| failed(name)(format!("{error:?}")))?;
        module.try_load_record(record).map_err(|error| failed(name)(format!("{error:?}")))
    };
    let optimizer =
        optimizer.load(folder.join("optimizer.bpk")).map_err(|error| failed("optimizer.bpk")(format!("{error:?}")))?;
    Ok(Parts {
        model: read(model, "model.bpk")?,
        average: average.map(|average| read(average, "average.bpk")).transpose()?,
        optimizer,
        state: State { config: state.config, ..saved },
    })
}
