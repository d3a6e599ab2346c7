//! A training's checkpoint on disk.
//!
//! ```text
//! checkpoint/model.bpk       the weights, f32
//! checkpoint/average.bpk     their moving average, if there is one
//! checkpoint/optimizer.bpk   AdamW's moments
//! checkpoint/state.json      the step and what is counted on the way
//! ```
//!
//! A new checkpoint is written beside the old one and takes its place whole.

use burn::tensor::Bytes;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::TrainError;
use super::config::TrainConfig;
use crate::learner::{Counters, Saved};

/// What `state.json` says.
#[derive(Serialize, Deserialize)]
struct State {
    #[serde(flatten)]
    counters: Counters,
    /// The configuration, which must not change on the way.
    config: TrainConfig,
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
pub(super) fn save(out: &Path, saved: &Saved, config: &TrainConfig) -> Result<(), TrainError> {
    let (folder, new, old) = (folder(out), out.join("checkpoint.new"), out.join("checkpoint.old"));
    remove(&new)?;
    std::fs::create_dir_all(&new).map_err(TrainError::io(&new))?;
    let write = |name: &str, bytes: &[u8]| std::fs::write(new.join(name), bytes).map_err(TrainError::io(&new));
    write("model.bpk", &saved.model)?;
    if let Some(average) = &saved.average {
        write("average.bpk", average)?;
    }
    write("optimizer.bpk", &saved.optimizer)?;
    let state = State { counters: saved.counters.clone(), config: config.clone() };
    let failed = |error: serde_json::Error| TrainError::Resume { path: new.clone(), why: error.to_string() };
    write("state.json", serde_json::to_string_pretty(&state).map_err(failed)?.as_bytes())?;
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

/// Reads the checkpoint of `out`, which must be of this configuration; the number of steps may be another.
pub(super) fn load(out: &Path, config: &TrainConfig) -> Result<Saved, TrainError> {
    let folder = find(out).ok_or_else(|| TrainError::Resume {
        path: out.into(),
        why: "there is no checkpoint in this folder; start without --resume, and with another --out if it has a model"
            .into(),
    })?;
    let path = folder.join("state.json");
    let text = std::fs::read_to_string(&path).map_err(TrainError::io(&folder))?;
    let State { counters, config: of } = serde_json::from_str(&text).map_err(|error| TrainError::Resume {
        path,
        why: format!("{error}; the checkpoint cannot be used, start again"),
    })?;
    if of != (TrainConfig { steps: of.steps, ..config.clone() }) {
        return Err(TrainError::Resume {
            path: folder,
            why:
                "it is of a training with another configuration; resume with the same one, or start again with another \
                  --out"
                    .into(),
        });
    }
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map(Bytes::from_bytes_vec).map_err(TrainError::io(&path))
    };
    Ok(Saved {
        counters,
        model: read("model.bpk")?,
        average: (config.optimizer.average_decay > 0.0).then(|| read("average.bpk")).transpose()?,
        optimizer: read("optimizer.bpk")?,
    })
}
