//! `sam2rad segment`.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sam2rad::dicom::{
    Creation, DicomFile, SegmentAlgorithm, SegmentationError, SegmentationRequest, SegmentedFrame, SegmentedStructure,
};
use sam2rad::frame::Frame;
use sam2rad::measure::Measurement;
use sam2rad::segmenter::{FramePoint, Mode, Request, Segmenter, StructurePrompts};
use std::error::Error;
use std::path::PathBuf;
use std::time::SystemTime;

use super::beat::{self, write_beat};
use super::choice::one_of;
use super::inputs::{self, Input, Inputs, Kind};
use super::prompts::{
    FrameBox, Spacing, StructureStroke, number_of, parse_box, parse_point, parse_spacing, parse_stroke,
};
use super::results::{Place, Source, output, outputs, write};
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
    /// Where to compute
    #[arg(long, value_enum, default_value_t = model::DeviceName::Cpu)]
    device: model::DeviceName,
    /// Whose prompts count
    #[arg(long, value_parser = one_of(&Mode::ALL, Mode::name), default_value_t = Mode::Autonomous)]
    mode: Mode,
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

impl Segment {
    /// Segments every input; one that fails is reported and the others go on.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let segmenter = model::segmenter_on(&self.model, self.device)?;
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
        if has_prompts == (self.mode == Mode::Autonomous) {
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
        Ok(Request { mode: self.mode, prompts, multimask_output: self.multimask, ..Request::default() })
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
        let found = segmenter.segment_blocking(&segmenter.encode(&frame), request)?;
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
