//! `sam2rad segment`.

use burn::tensor::read_sync;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use sam2rad::brush::Stroke;
use sam2rad::checkpoint::Structure;
use sam2rad::frame::Frame;
use sam2rad::measure::heart::{Beat, beat};
use sam2rad::measure::{Measurement, Outcome, measure};
use sam2rad::model::PointLabel;
use sam2rad::overlay::{OverlayStyle, draw};
use sam2rad::segmenter::{FramePoint, Mode, Request, Segmentation, Segmenter, StructurePrompts};
use serde::Serialize;
use std::error::Error;
use std::path::{Path, PathBuf};

use super::{model, picture};

/// Segment pictures. For each input NAME three files are written: NAME_mask.png with class ids (0 is the background),
/// NAME_overlay.png with contours, NAME.json with boxes, IoU, object score, area and timings of each structure,
/// and what the structures are measured for: a hip's alpha angle and coverage, a muscle's thickness, a ventricle's area. Several
/// pictures of the left ventricle are taken as the frames of a cine, in their order: beat.json has its area change.
#[derive(Args)]
pub struct Segment {
    /// A model file, or a checkpoint of SAM, SAM 2 or MobileSAM for manual mode
    #[arg(long)]
    model: PathBuf,
    /// PNG or JPEG pictures, or folders of them
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Where to write; made if it is not there
    #[arg(long)]
    out: PathBuf,
    /// Whose prompts count
    #[arg(long, value_enum, default_value_t = ModeName::Autonomous)]
    mode: ModeName,
    /// The structure that points and box are for, by name or number from 1
    #[arg(long)]
    structure: Option<String>,
    /// A point in pixels, `x,y` on the structure or `x,y,outside` off it; may be repeated
    #[arg(long = "point", value_parser = parse_point)]
    points: Vec<FramePoint>,
    /// A box in pixels, `left,top,right,bottom`
    #[arg(long = "box", value_parser = parse_box)]
    bounding_box: Option<FrameBox>,
    /// A brush stroke in pixels, `structure:x,y;x,y;...:radius`, with `:outside` at the end to take away; may be repeated
    #[arg(long = "stroke", value_parser = parse_stroke)]
    strokes: Vec<StructureStroke>,
    /// Three candidates for each mask, of which the one with the highest predicted IoU is taken
    #[arg(long)]
    multimask: bool,
    /// The size of a pixel in mm, `width,height`; measurements are then in mm too
    #[arg(long = "spacing", value_parser = parse_spacing)]
    spacing_mm: Option<Spacing>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeName {
    Autonomous,
    SemiAutonomous,
    Manual,
}

/// Of a pixel, in mm along x and y.
#[derive(Clone, Copy)]
struct Spacing([f64; 2]);

/// Left, top, right, bottom.
#[derive(Clone, Copy)]
struct FrameBox([f32; 4]);

fn numbers<const N: usize>(parts: &[&str]) -> Result<[f32; N], String> {
    let values: Result<Vec<f32>, _> = parts.iter().map(|part| part.trim().parse::<f32>()).collect();
    let values = values.map_err(|error| format!("{error}: write numbers with commas between them"))?;
    let finite = values.iter().all(|value| value.is_finite());
    values.try_into().ok().filter(|_| finite).ok_or_else(|| format!("write {N} numbers with commas between them"))
}

fn parse_point(text: &str) -> Result<FramePoint, String> {
    let parts: Vec<&str> = text.split(',').collect();
    let (coordinates, label) = match parts.as_slice() {
        [coordinates @ .., "outside"] => (coordinates, PointLabel::Outside),
        [coordinates @ .., "inside"] => (coordinates, PointLabel::Inside),
        coordinates => (coordinates, PointLabel::Inside),
    };
    let [x, y] = numbers(coordinates)?;
    Ok(FramePoint { x, y, label })
}

fn parse_box(text: &str) -> Result<FrameBox, String> {
    let [left, top, right, bottom] = numbers(&text.split(',').collect::<Vec<_>>())?;
    if left >= right || top >= bottom {
        return Err("left must be before right, and top above bottom".into());
    }
    Ok(FrameBox([left, top, right, bottom]))
}

fn parse_spacing(text: &str) -> Result<Spacing, String> {
    let sides = numbers(&text.split(',').collect::<Vec<_>>())?;
    if sides.iter().any(|&side| side <= 0.0) {
        return Err("a pixel's width and height are above 0".into());
    }
    Ok(Spacing(sides.map(f64::from)))
}

/// A stroke and the structure it is for, by name or number from 1.
#[derive(Clone)]
struct StructureStroke {
    structure: String,
    stroke: Stroke,
}

fn parse_stroke(text: &str) -> Result<StructureStroke, String> {
    // From the end, so that a structure's name may have colons.
    let (text, inside) = match text.rsplit_once(':') {
        Some((rest, "outside")) => (rest, false),
        Some((rest, "inside")) => (rest, true),
        _ => (text, true),
    };
    let form = || "write structure:x,y;x,y;...:radius, and :outside after it to take away".to_owned();
    let (text, radius) = text.rsplit_once(':').ok_or_else(form)?;
    let (structure, path) = text.rsplit_once(':').ok_or_else(form)?;
    let [radius] = numbers(&[radius])?;
    if radius < 0.0 {
        return Err("the radius of a brush is not negative".into());
    }
    let path = path.split(';').map(|point| numbers(&point.split(',').collect::<Vec<_>>()));
    let path = path.collect::<Result<_, _>>()?;
    Ok(StructureStroke { structure: structure.to_owned(), stroke: Stroke { path, radius, inside } })
}

#[derive(Serialize)]
struct Report<'a> {
    input: String,
    model: String,
    training_data: &'a str,
    note: &'static str,
    width: usize,
    height: usize,
    structures: Vec<StructureReport<'a>>,
    measurement: Option<&'a Measurement>,
    milliseconds: Vec<(&'static str, f64)>,
}

/// What `beat.json` has.
#[derive(Serialize)]
struct BeatReport {
    inputs: Vec<String>,
    /// For each input; none where it failed or shows no left ventricle.
    areas_px: Vec<Option<f64>>,
    beat: Outcome<Beat>,
}

#[derive(Serialize)]
struct StructureReport<'a> {
    name: &'a str,
    class_id: usize,
    present: bool,
    iou: f32,
    object_score: Option<f32>,
    /// `null` where the model's file has no calibration.
    expected_dice: Option<f32>,
    /// Whether a person should look at it; `null` as `expected_dice`.
    needs_a_look: Option<bool>,
    area_px: usize,
    bounding_box: Option<[usize; 4]>,
    predicted_box: Option<[f32; 4]>,
}

impl Segment {
    /// Segments every input; one that fails is reported and the others go on.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let segmenter = model::segmenter(&self.model)?;
        let request = self.request(&segmenter)?;
        let inputs = pictures(&self.inputs)?;
        std::fs::create_dir_all(&self.out).map_err(|error| format!("{}: {error}", self.out.display()))?;

        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
        let progress = ProgressBar::new(inputs.len() as u64).with_style(style);
        let mut failed = 0;
        let mut measurements = Vec::new();
        for input in &inputs {
            progress.set_message(input.display().to_string());
            measurements.push(self.segment(&segmenter, &request, input).unwrap_or_else(|error| {
                failed += 1;
                progress.suspend(|| eprintln!("error: {error}"));
                None
            }));
            progress.inc(1);
        }
        progress.finish_and_clear();
        self.write_beat(&inputs, &measurements)?;
        println!("{} of {} pictures segmented into {}", inputs.len() - failed, inputs.len(), self.out.display());
        if failed > 0 { Err(format!("{failed} pictures could not be segmented").into()) } else { Ok(()) }
    }

    fn request(&self, segmenter: &Segmenter) -> Result<Request, Box<dyn Error>> {
        let has_points_or_box = !self.points.is_empty() || self.bounding_box.is_some();
        let has_prompts = has_points_or_box || !self.strokes.is_empty();
        if has_prompts == (self.mode == ModeName::Autonomous) {
            let why = if has_prompts { "are not used in autonomous mode" } else { "are needed in this mode" };
            return Err(format!("--point, --box and --stroke {why}; see --mode").into());
        }
        let structures = segmenter.structures();
        let mut prompts: Vec<StructurePrompts> = (0..structures.len())
            .map(|structure| StructurePrompts { structure, ..StructurePrompts::default() })
            .collect();
        if has_points_or_box {
            let structure = match &self.structure {
                None if structures.len() == 1 => 0,
                None => return Err("the model has several structures: say with --structure which one is meant".into()),
                Some(name) => number_of(name, structures)?,
            };
            prompts[structure].points = self.points.clone();
            prompts[structure].bounding_box = self.bounding_box.map(|FrameBox(corners)| corners);
        }
        for StructureStroke { structure, stroke } in &self.strokes {
            prompts[number_of(structure, structures)?].strokes.push(stroke.clone());
        }
        prompts.retain(|said| !said.points.is_empty() || said.bounding_box.is_some() || !said.strokes.is_empty());
        Ok(Request {
            mode: match self.mode {
                ModeName::Autonomous => Mode::Autonomous,
                ModeName::SemiAutonomous => Mode::SemiAutonomous,
                ModeName::Manual => Mode::Manual,
            },
            prompts,
            multimask_output: self.multimask,
            ..Request::default()
        })
    }

    fn segment(
        &self,
        segmenter: &Segmenter,
        request: &Request,
        input: &Path,
    ) -> Result<Option<Measurement>, Box<dyn Error>> {
        let frame = picture::read(input)?;
        let found = read_sync(segmenter.segment(&segmenter.encode(&frame), request))?;
        let name = input.file_stem().unwrap_or_default().to_string_lossy();
        let spacing_mm = self.spacing_mm.map(|Spacing(sides)| sides);
        let source = Source { input: input.display().to_string(), model: &self.model, segmenter, spacing_mm };
        write(&self.out, &name, &source, frame, &found)
    }

    /// Writes `beat.json` where several inputs were asked for the left ventricle.
    fn write_beat(&self, inputs: &[PathBuf], measurements: &[Option<Measurement>]) -> Result<(), Box<dyn Error>> {
        let is_heart = |measurement: &Option<Measurement>| matches!(measurement, Some(Measurement::Heart(_)));
        if inputs.len() < 2 || !measurements.iter().any(is_heart) {
            return Ok(());
        }
        let area = |measurement: &Option<Measurement>| match measurement {
            Some(Measurement::Heart(Outcome::Measured(ventricle))) => Some(ventricle.area_px as f64),
            _ => None,
        };
        let areas_px: Vec<_> = measurements.iter().map(area).collect();
        let beat = beat(&areas_px).into();
        let report =
            BeatReport { inputs: inputs.iter().map(|path| path.display().to_string()).collect(), areas_px, beat };
        std::fs::write(self.out.join("beat.json"), serde_json::to_string_pretty(&report)?)?;
        Ok(())
    }
}

/// What was said and is to be read in every file of results.
pub const NOTE: &str = "Research and teaching only: not a medical device.";

/// Where a result comes from.
pub struct Source<'a> {
    /// The picture.
    pub input: String,
    /// The model's file.
    pub model: &'a Path,
    /// The model.
    pub segmenter: &'a Segmenter,
    /// The size of a pixel, x and y, where it is known.
    pub spacing_mm: Option<[f64; 2]>,
}

/// Writes NAME_mask.png, NAME_overlay.png and NAME.json into a folder; gives the measurement that is in the last.
pub fn write(
    out: &Path,
    name: &str,
    source: &Source,
    mut frame: Frame,
    found: &Segmentation,
) -> Result<Option<Measurement>, Box<dyn Error>> {
    let structures = source.segmenter.structures();
    let file = |suffix: &str| out.join(format!("{name}{suffix}"));
    let ids: Vec<u8> = found.structures.iter().map(|found| found.structure as u8 + 1).collect();
    let colors: Vec<_> = found.structures.iter().map(|found| structures[found.structure].color).collect();
    let style = OverlayStyle::for_frame(&frame);
    draw(&mut frame, &found.map, &ids, &colors, style);
    let names: Vec<&str> = structures.iter().map(|structure| structure.name.as_str()).collect();
    let measurement = measure(&found.map, &names, source.spacing_mm);
    picture::write(&file("_overlay.png"), frame)?;
    picture::write_ids(&file("_mask.png"), found.map.width, found.map.height, found.map.class_ids.clone())?;
    std::fs::write(file(".json"), serde_json::to_string_pretty(&report(source, found, measurement.as_ref()))?)?;
    Ok(measurement)
}

fn report<'a>(source: &'a Source, found: &Segmentation, measurement: Option<&'a Measurement>) -> Report<'a> {
    let structures = found.structures.iter().map(|found| StructureReport {
        name: &source.segmenter.structures()[found.structure].name,
        class_id: found.structure + 1,
        present: found.present,
        iou: found.iou,
        object_score: found.object_score,
        expected_dice: found.expected_dice,
        needs_a_look: source.segmenter.card().needs_a_look(found.expected_dice),
        area_px: found.area,
        bounding_box: found.bounds.map(|b| [b.left, b.top, b.right, b.bottom]),
        predicted_box: found.predicted_box,
    });
    Report {
        input: source.input.clone(),
        model: source.model.display().to_string(),
        training_data: &source.segmenter.card().training_data,
        note: NOTE,
        width: found.map.width,
        height: found.map.height,
        structures: structures.collect(),
        measurement,
        milliseconds: found.timings.iter().map(|timing| (timing.stage, timing.milliseconds)).collect(),
    }
}

/// Which structure is meant by a name or a number from 1.
pub fn number_of(name: &str, structures: &[Structure]) -> Result<usize, String> {
    let by_number = name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let by_name = structures.iter().position(|structure| structure.name == *name);
    by_name.or(by_number.filter(|&i| i < structures.len())).ok_or_else(|| {
        let names: Vec<_> = structures.iter().map(|structure| structure.name.as_str()).collect();
        format!("the model has no structure `{name}`; it has {}", names.join(", "))
    })
}

/// The pictures among the inputs and in the folders among them, in order.
pub fn pictures(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut pictures = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            pictures.push(input.clone());
            continue;
        }
        let entries = std::fs::read_dir(input).map_err(|error| format!("{}: {error}", input.display()))?;
        let is_picture = |path: &PathBuf| {
            let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            ["png", "jpg", "jpeg"].contains(&extension.as_str())
        };
        let mut inside: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_picture).collect();
        if inside.is_empty() {
            return Err(format!("{}: there is no PNG or JPEG picture in this folder", input.display()));
        }
        inside.sort();
        pictures.append(&mut inside);
    }
    Ok(pictures)
}
