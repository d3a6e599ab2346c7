//! A left ventricle's area over a cine.

use sam2rad::measure::heart::{Beat, beat};
use sam2rad::measure::{Measurement, Outcome};
use serde::Serialize;
use std::error::Error;
use std::path::Path;

/// The file's name.
pub const FILE: &str = "beat.json";

#[derive(Serialize)]
struct BeatReport<'a> {
    inputs: Vec<String>,
    /// Seconds since the first frame, for each input; `null` where they are not known.
    times_s: Option<&'a [f64]>,
    /// For each input; none where it failed, shows no left ventricle, or is a cine with a beat of its own.
    areas_px: Vec<Option<f64>>,
    beat: Outcome<Beat>,
}

/// Writes `beat.json` into a folder where several inputs, the frames of a cine in their order, were asked for the left ventricle.
pub fn write_beat(
    folder: &Path,
    inputs: impl Iterator<Item = String>,
    times_s: Option<&[f64]>,
    measurements: &[Option<Measurement>],
) -> Result<(), Box<dyn Error>> {
    let is_heart = |measurement: &Option<Measurement>| matches!(measurement, Some(Measurement::Heart(_)));
    if measurements.len() < 2 || !measurements.iter().any(is_heart) {
        return Ok(());
    }
    let area = |measurement: &Option<Measurement>| match measurement {
        Some(Measurement::Heart(Outcome::Measured(ventricle))) => Some(ventricle.area_px as f64),
        _ => None,
    };
    let areas_px: Vec<_> = measurements.iter().map(area).collect();
    let beat = beat(&areas_px).into();
    let report = BeatReport { inputs: inputs.collect(), times_s, areas_px, beat };
    let path = folder.join(FILE);
    let written = std::fs::write(&path, serde_json::to_string_pretty(&report)?);
    Ok(written.map_err(|error| format!("{}: {error}", path.display()))?)
}
