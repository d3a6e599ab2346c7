//! `sam2rad segment`.

use burn::tensor::read_sync;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use sam2rad::brush::Stroke;
use sam2rad::checkpoint::Structure;
use sam2rad::dicom::{
    Creation, DicomFile, DicomInfo, SegmentAlgorithm, SegmentationError, SegmentationRequest, SegmentedFrame,
    SegmentedStructure,
};
use sam2rad::frame::Frame;
use sam2rad::measure::{Measurement, measure};
use sam2rad::model::PointLabel;
use sam2rad::overlay::{OverlayStyle, draw};
use sam2rad::segmenter::{FramePoint, Mode, Request, Segmentation, Segmenter, StructurePrompts};
use serde::Serialize;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::beat::{self, write_beat};
use super::inputs::{self, Input, Inputs, Kind};
use super::{model, picture};

/// Segment pictures and DICOM files. For each input NAME three files are written: NAME_mask.png with class ids (0 is the
/// background), NAME_overlay.png with contours, NAME.json with boxes, IoU, object score, area and timings of each structure, and
/// what the structures are measured for: a hip's alpha angle and coverage, a muscle's thickness, a ventricle's area.
///
/// Of a DICOM file with several frames they are NAME/0001_mask.png and so on. A left ventricle's area change is in NAME/beat.json;
/// several pictures of one are taken as the frames of a cine, in their order, with a beat.json in --out. Folders are searched with all folders in them,
/// and mirrored in --out; two inputs of one name are told apart by their extension or their folder. Each picture's files are
/// written when it is done, so that a command that is stopped leaves them.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Segment {
    /// A model file, or a checkpoint of SAM, SAM 2 or MobileSAM for manual mode
    #[arg(long)]
    model: PathBuf,
    /// PNG or JPEG pictures, DICOM files, or folders of them
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
    /// The size of a pixel in mm, `width,height`, in place of what a DICOM file says; measurements are then in mm too
    #[arg(long = "spacing", value_parser = parse_spacing)]
    spacing_mm: Option<Spacing>,
    /// Write a DICOM segmentation object (NAME_seg.dcm) for each DICOM file too
    #[arg(long)]
    seg: bool,
}

const EXAMPLES: &str = "Examples:
  A folder of pictures and DICOM files:
      sam2rad segment --model wrist.safetensors pictures/ --out masks/
  A cine, with a segmentation object for viewers:
      sam2rad segment --model wrist.safetensors IM0001 --out masks/ --seg
  Help with a box (left,top,right,bottom in pixels):
      sam2rad segment --model wrist.safetensors a.png --out masks/ --mode semi-autonomous --structure radius --box 40,60,300,220";

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
    #[serde(flatten)]
    place: Place,
    model: String,
    training_data: &'a str,
    note: &'static str,
    width: usize,
    height: usize,
    structures: Vec<StructureReport<'a>>,
    measurement: Option<&'a Measurement>,
    milliseconds: Vec<(&'static str, f64)>,
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
        let Inputs { inputs, passed_over } = Inputs::of(&self.inputs, &self.out)?;
        if self.seg && inputs.iter().all(|input| input.kind == Kind::Picture) {
            return Err("--seg is for DICOM files, and there is none among the inputs".into());
        }
        let written = inputs.iter().flat_map(|input| outputs(&self.out, &input.name));
        inputs::keep_apart(&inputs, written.chain([self.out.join(beat::FILE)]))?;
        std::fs::create_dir_all(&self.out).map_err(|error| format!("{}: {error}", self.out.display()))?;

        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
        let progress = ProgressBar::new(inputs.len() as u64).with_style(style);
        let mut failed = 0;
        let mut measurements = Vec::new();
        for input in &inputs {
            progress.set_message(input.path.display().to_string());
            measurements.push(self.segment(&segmenter, &request, input).unwrap_or_else(|error| {
                failed += 1;
                let path = input.path.display().to_string();
                let message = error.to_string();
                let message = if message.starts_with(&path) { message } else { format!("{path}: {message}") };
                progress.suspend(|| eprintln!("error: {message}"));
                None
            }));
            progress.inc(1);
        }
        progress.finish_and_clear();
        write_beat(&self.out, inputs.iter().map(|input| input.path.display().to_string()), None, &measurements)?;
        for path in &passed_over {
            eprintln!("note: passed over, neither a picture nor a DICOM picture: {}", path.display());
        }
        println!("{} of {} files segmented into {}", inputs.len() - failed, inputs.len(), self.out.display());
        if failed > 0 { Err(format!("{failed} files could not be segmented").into()) } else { Ok(()) }
    }

    fn request(&self, segmenter: &Segmenter) -> Result<Request, Box<dyn Error>> {
        let has_points_or_box = !self.points.is_empty() || self.bounding_box.is_some();
        let has_prompts = has_points_or_box || !self.strokes.is_empty();
        if has_prompts == (self.mode == ModeName::Autonomous) {
            let why = if has_prompts { "are not used in autonomous mode" } else { "are needed in this mode" };
            return Err(format!("--point, --box and --stroke {why}; see --mode").into());
        }
        if self.structure.is_some() && !has_points_or_box {
            return Err(
                "--structure says what --point and --box are for; give one of them (a --stroke names its own)".into()
            );
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

    /// Gives the measurement of an input of one frame; a cine's are in its own files.
    fn segment(
        &self,
        segmenter: &Segmenter,
        request: &Request,
        input: &Input,
    ) -> Result<Option<Measurement>, Box<dyn Error>> {
        if input.kind == Kind::Picture {
            let frame = picture::read(&input.path)?;
            return Ok(self.segment_frame(segmenter, request, frame, input, Place::default())?.1);
        }
        let file = DicomFile::open(std::fs::read(&input.path)?)?;
        let info = file.info();
        info.notes.iter().for_each(|note| eprintln!("note: {}: {note}", input.path.display()));
        let mut frames = Vec::new();
        let mut measurements = Vec::new();
        let mut damaged = Vec::new();
        for index in 0..info.frames {
            match file.frame(index) {
                Ok(frame) => {
                    let (class_ids, measurement) =
                        self.segment_frame(segmenter, request, frame, input, Place::of(info, index))?;
                    frames.extend(self.seg.then_some(SegmentedFrame { index, class_ids }));
                    measurements.push(measurement);
                }
                Err(error) => {
                    damaged.push(error.to_string());
                    measurements.push(None);
                }
            }
        }
        if self.seg {
            self.write_segmentation(segmenter, request, &file, frames, input)?;
        }
        if info.frames > 1 {
            let names = (1..=info.frames).map(|number| format!("{}, frame {number}", input.path.display()));
            write_beat(&self.out.join(&input.name), names, info.frame_times.as_deref(), &measurements)?;
        }
        match damaged.as_slice() {
            [] if info.frames == 1 => Ok(measurements.pop().flatten()),
            [] => Ok(None),
            damaged => Err(damaged.join("; ").into()),
        }
    }

    fn write_segmentation(
        &self,
        segmenter: &Segmenter,
        request: &Request,
        file: &DicomFile,
        frames: Vec<SegmentedFrame>,
        input: &Input,
    ) -> Result<(), Box<dyn Error>> {
        let is_prompted = |i: usize| request.prompts.iter().any(|prompts| prompts.structure == i);
        let structures = segmenter.structures().iter().enumerate().map(|(i, structure)| SegmentedStructure {
            name: structure.name.clone(),
            color: structure.color,
            algorithm: if is_prompted(i) { SegmentAlgorithm::Semiautomatic } else { SegmentAlgorithm::Automatic },
        });
        let model = self.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let training_data = segmenter.card().training_data.clone();
        let request = SegmentationRequest { frames, structures: structures.collect(), model, training_data };
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let creation = Creation { unix_seconds: since.as_secs() as i64, random };
        let path = output(&self.out, &input.name, "_seg.dcm");
        let bytes = match file.segmentation(&request, &creation) {
            Err(SegmentationError::Empty) => {
                eprintln!("note: {}: nothing was found, so there is no segmentation object", input.path.display());
                return Ok(());
            }
            bytes => bytes?,
        };
        let written = std::fs::write(&path, bytes);
        Ok(written.map_err(|error| format!("{}: {error}", path.display()))?)
    }

    /// Writes what was found in a frame; gives its class ids and its measurement.
    fn segment_frame(
        &self,
        segmenter: &Segmenter,
        request: &Request,
        frame: Frame,
        input: &Input,
        place: Place,
    ) -> Result<(Vec<u8>, Option<Measurement>), Box<dyn Error>> {
        let found = read_sync(segmenter.segment(&segmenter.encode(&frame), request))?;
        let name = match place.frame {
            Some(number) => input.name.join(format!("{number:04}")),
            None => input.name.clone(),
        };
        let spacing_mm = self.spacing_mm.map(|Spacing(sides)| sides).or(place.spacing_mm);
        let place = Place { spacing_mm, ..place };
        let source = Source { input: input.path.display().to_string(), place, model: &self.model, segmenter };
        let measurement = write(&self.out, &name, &source, frame, &found)?;
        Ok((found.map.class_ids, measurement))
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
    fn of(info: &DicomInfo, index: usize) -> Self {
        Self {
            frame: (info.frames > 1).then_some(index + 1),
            time_s: info.frame_times.as_ref().and_then(|times| times.get(index).copied()),
            spacing_mm: info.common_spacing().map(|spacing| [spacing.x_mm, spacing.y_mm]),
        }
    }
}

/// What is written of an input of one frame.
fn outputs(out: &Path, name: &Path) -> [PathBuf; 4] {
    ["_mask.png", "_overlay.png", ".json", "_seg.dcm"].map(|suffix| output(out, name, suffix))
}

fn output(out: &Path, name: &Path, suffix: &str) -> PathBuf {
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
        place: source.place,
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
