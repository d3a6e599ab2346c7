//! The files that are written of a picture.

use sam2rad::dicom::DicomInfo;
use sam2rad::frame::Frame;
use sam2rad::measure::{Measurement, measure};
use sam2rad::overlay::{OverlayStyle, draw};
use sam2rad::segmenter::{Segmentation, Segmenter, StructureResult};
use serde::Serialize;
use std::error::Error;
use std::path::{Path, PathBuf};

use super::picture;

#[derive(Serialize)]
struct Report<'a> {
    input: String,
    #[serde(flatten)]
    place: Place,
    model: String,
    training_data: &'a str,
    note: &'static str,
    width: usize,
    height: usize,
    structures: Vec<StructureReport>,
    measurement: Option<&'a Measurement>,
    milliseconds: Vec<(&'static str, f64)>,
}

/// What is reported of a structure.
#[derive(Serialize)]
pub struct StructureReport {
    name: String,
    class_id: usize,
    #[serde(flatten)]
    found: StructureResult,
    /// Whether a person should look at it; `null` where the model's file has no calibration.
    needs_a_look: Option<bool>,
}

impl StructureReport {
    /// Of what a model found.
    pub fn new(segmenter: &Segmenter, found: &StructureResult) -> Self {
        Self {
            name: segmenter.structures()[found.structure].name.clone(),
            class_id: found.structure + 1,
            found: StructureResult { contours: Vec::new(), ..found.clone() },
            needs_a_look: segmenter.card().needs_a_look(found.expected_dice),
        }
    }
}

/// What was said and is to be read in every file of results.
pub const NOTE: &str = "Research and teaching only: not a medical device.";

/// Where a result comes from.
pub struct Source<'a> {
    /// The picture.
    pub input: String,
    /// Which of its frames, and how large its pixels are.
    pub place: Place,
    /// The model's file.
    pub model: &'a Path,
    /// The model.
    pub segmenter: &'a Segmenter,
}

/// Which frame of a file, and what is known of it.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Place {
    /// Counted from 1, in a file with several.
    pub frame: Option<usize>,
    /// Seconds since the first frame, where the file says so.
    pub time_s: Option<f64>,
    /// Millimetres from one pixel to the next along x and y, where they are known and the same everywhere.
    pub spacing_mm: Option<[f64; 2]>,
}

impl Place {
    /// Of a DICOM file's frame, counted from 0.
    pub fn of(info: &DicomInfo, index: usize) -> Self {
        Self {
            frame: (info.frames > 1).then_some(index + 1),
            time_s: info.frame_times.as_ref().and_then(|times| times.get(index).copied()),
            spacing_mm: info.common_spacing().map(|spacing| [spacing.x_mm, spacing.y_mm]),
        }
    }
}

/// What is written of an input of one frame.
pub fn outputs(out: &Path, name: &Path) -> [PathBuf; 4] {
    ["_mask.png", "_overlay.png", ".json", "_seg.dcm"].map(|suffix| output(out, name, suffix))
}

/// A file of results: its folder, the input's name and what follows it.
pub fn output(out: &Path, name: &Path, suffix: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(suffix);
    out.join(name)
}

/// Writes NAME_mask.png, NAME_overlay.png and NAME.json into a folder; a name may have folders before it. Gives the measurement
/// that is in the last.
pub fn write(
    out: &Path,
    name: &Path,
    source: &Source,
    mut frame: Frame,
    found: &Segmentation,
) -> Result<Option<Measurement>, Box<dyn Error>> {
    let structures = source.segmenter.structures();
    let [mask, overlay, json, _] = outputs(out, name);
    if let Some(folder) = mask.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let ids: Vec<u8> = found.structures.iter().map(|found| found.structure as u8 + 1).collect();
    let colors: Vec<_> = found.structures.iter().map(|found| structures[found.structure].color).collect();
    let style = OverlayStyle::for_frame(&frame);
    draw(&mut frame, &found.map, &ids, &colors, style);
    let names: Vec<&str> = structures.iter().map(|structure| structure.name.as_str()).collect();
    let measurement = measure(&found.map, &names, source.place.spacing_mm);
    picture::write(&overlay, frame)?;
    picture::write_ids(&mask, found.map.width, found.map.height, found.map.class_ids.clone())?;
    let report = serde_json::to_string_pretty(&report(source, found, measurement.as_ref()))?;
    std::fs::write(&json, report).map_err(|error| format!("{}: {error}", json.display()))?;
    Ok(measurement)
}

fn report<'a>(source: &'a Source, found: &Segmentation, measurement: Option<&'a Measurement>) -> Report<'a> {
    Report {
        input: source.input.clone(),
        place: source.place,
        model: source.model.display().to_string(),
        training_data: &source.segmenter.card().training_data,
        note: NOTE,
        width: found.map.width,
        height: found.map.height,
        structures: found.structures.iter().map(|found| StructureReport::new(source.segmenter, found)).collect(),
        measurement,
        milliseconds: found.timings.iter().map(|timing| (timing.stage, timing.milliseconds)).collect(),
    }
}
