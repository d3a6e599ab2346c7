//! `sam2rad track`.

use burn::tensor::read_sync;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sam2rad::frame::Frame;
use sam2rad::postprocess::ClassMap;
use sam2rad::segmenter::{Request, Segmentation, Segmenter, VideoFrame};
use sam2rad::tracker::{Answer, Direction, Tracker};
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::frames::Frames;
use super::results::{NOTE, Place, Source, StructureReport, write};
use super::track_prompts::{Prompts, Said};
use super::{choice::one_of, model, stop};

/// Follow structures through a cine, from prompts on any of its frames or from what the model is surest of by itself. For each frame the
/// files of `segment` are written, and track.json with what was found on all of them.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Track {
    /// A model file or checkpoint with SAM 2's memory
    #[arg(long)]
    model: PathBuf,
    /// A folder of PNG or JPEG pictures, whose order is that of their names, or a DICOM file
    input: PathBuf,
    /// Where to write; made if it is not there
    #[arg(long)]
    out: PathBuf,
    /// Prompts as JSON: a list of {"frame": 0, "structure": "radius", "box": [left, top, right, bottom], "points": [[x, y, "inside"], ..],
    /// "mask": "labels.png"} in pixels; frames count from 0, structures may be numbers from 1, and one of box, points and mask is enough.
    /// Without them each structure starts on the frame where the model is surest of it
    #[arg(long)]
    prompts: Option<PathBuf>,
    /// Which frames are wanted: those after the first prompt, those before it, or both
    #[arg(long, value_parser = one_of(&Way::ALL, Way::name), default_value = "both")]
    way: Way,
    /// Frames are marked for a look where the Dice of the followed mask and the model's own is below this: 0.7 where it is left out.
    /// For models that segment by themselves
    #[arg(long)]
    doubt: Option<f64>,
}

/// `--doubt` where it is left out.
const DOUBT: f64 = 0.7;

const EXAMPLES: &str = "Examples:
  A box on the first frame, followed to the last:
      echo '[{\"frame\": 0, \"structure\": \"radius\", \"box\": [40, 60, 300, 220]}]' > prompts.json
      sam2rad track --model sam2.1_hiera_tiny.pt frames/ --prompts prompts.json --out masks/
  A cine, from what a model with a memory is surest of by itself:
      sam2rad track --model wrist_with_memory.safetensors IM0001 --out masks/";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Both,
    Forward,
    Backward,
}

impl Way {
    const ALL: [Self; 3] = [Self::Both, Self::Forward, Self::Backward];

    fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

/// How a frame's masks came about.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Prompted,
    Followed,
}

#[derive(Serialize)]
struct Report<'a> {
    input: String,
    model: String,
    training_data: &'a str,
    note: &'static str,
    /// Frames of the cine; those that are not in the list were not reached.
    frame_count: usize,
    frames: Vec<&'a FrameReport>,
}

#[derive(Serialize)]
struct FrameReport {
    frame: usize,
    name: String,
    structures: Vec<FollowedStructure>,
}

#[derive(Serialize)]
struct FollowedStructure {
    #[serde(flatten)]
    report: StructureReport,
    role: Role,
    /// Dice with the model's own mask; not there where the model segments nothing by itself.
    agreement: Option<f64>,
    doubtful: bool,
}

/// A run of the command.
struct Run<'a> {
    track: &'a Track,
    segmenter: &'a Segmenter,
    frames: &'a Frames,
    prompts: Prompts,
    tracker: Tracker,
    /// What was found on frames that another structure is still to be followed to.
    pending: BTreeMap<usize, Vec<(Role, Answer)>>,
    reports: BTreeMap<usize, FrameReport>,
    progress: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Track {
    /// Follows the structures; what was found is written frame by frame, so that a stop leaves it.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let segmenter = model::segmenter(&self.model)?;
        if self.doubt.is_some() && segmenter.is_manual_only() {
            return Err("--doubt compares with the model's own masks, and this model has none; leave it out".into());
        }
        let frames = Frames::open(&self.input)?;
        if self.input.is_dir() && self.out.canonicalize().ok() == self.input.canonicalize().ok() {
            return Err(format!("--out is the folder of the frames, {}; choose another", self.input.display()).into());
        }
        let tracker = Tracker::new(&segmenter, Some(frames.count()))?;
        std::fs::create_dir_all(&self.out).map_err(|error| format!("{}: {error}", self.out.display()))?;
        let stop = stop::flag()?;
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
        let progress = ProgressBar::new(frames.count() as u64).with_style(style);
        let prompts = match &self.prompts {
            Some(path) => Prompts::read(path, segmenter.structures(), &frames)?,
            None => surest(&segmenter, &frames, &progress, &stop)?,
        };
        let mut run = Run {
            track: &self,
            segmenter: &segmenter,
            frames: &frames,
            prompts,
            tracker,
            pending: BTreeMap::new(),
            reports: BTreeMap::new(),
            progress,
            stop: stop.clone(),
        };
        // An error on a frame leaves what was done on those before it.
        let followed = run.follow();
        run.finish()?;
        followed?;
        Ok(stop::end_if_stopped(&stop)?)
    }
}

/// For each structure the frame on which the prompt predictor's mask has the highest predicted IoU, and that mask.
fn surest(
    segmenter: &Segmenter,
    frames: &Frames,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Prompts, Box<dyn Error>> {
    if segmenter.is_manual_only() {
        return Err("this model finds nothing by itself: say with --prompts where to start".into());
    }
    progress.set_message("looking for where to start");
    let mut best: BTreeMap<usize, (f32, usize, ClassMap)> = BTreeMap::new();
    for at in 0..frames.count() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let frame = segmenter.encode(&frames.read(at)?);
        let found = read_sync(segmenter.segment(&frame, &Request::default()))?;
        for structure in found.structures.iter().filter(|found| found.present && found.area > 0) {
            if best.get(&structure.structure).is_none_or(|(iou, ..)| structure.iou > *iou) {
                best.insert(structure.structure, (structure.iou, at, found.map.clone()));
            }
        }
        progress.inc(1);
    }
    progress.set_position(0);
    if best.is_empty() {
        return Err("the model finds nothing on any frame: say with --prompts where to start".into());
    }
    Ok(Prompts::of_masks(best.into_iter().map(|(structure, (_, at, map))| (at, structure, map))))
}

impl Run<'_> {
    /// First backwards, to the frames before a structure's first prompt; then forwards.
    fn follow(&mut self) -> Result<(), Box<dyn Error>> {
        let starts = self.prompts.starts();
        let first = starts.values().copied().min().unwrap_or(0);
        let last_start = starts.values().copied().max().unwrap_or(0);
        let wants = |way| self.track.way == Way::Both || self.track.way == way;
        let (backward, forward) = (wants(Way::Backward), wants(Way::Forward));
        // The prompts that frames before them are followed from.
        for at in (0..=last_start).rev().filter(|_| backward) {
            if self.is_stopped() {
                return Ok(());
            }
            let earlier: Vec<usize> = starts.iter().filter(|(_, start)| **start > at).map(|(i, _)| *i).collect();
            let starting: Vec<usize> = starts.iter().filter(|(_, start)| **start == at).map(|(i, _)| *i).collect();
            let (picture, frame) = self.look(at)?;
            let mut found = self.prompt(at, &frame, &starting)?;
            let followed = read_sync(self.tracker.follow(self.segmenter, at, &frame, Direction::Backward, &earlier))?;
            found.extend(followed.into_iter().map(|answer| (Role::Followed, answer)));
            match at < first || !forward {
                true => self.write(at, picture, &frame, found)?,
                false => drop(self.pending.insert(at, found)),
            }
        }
        for at in (first..self.frames.count()).filter(|_| forward) {
            if self.is_stopped() {
                return Ok(());
            }
            let (picture, frame) = self.look(at)?;
            let mut found = self.pending.remove(&at).unwrap_or_default();
            let known: Vec<usize> = found.iter().map(|(_, answer)| answer.structure).collect();
            let unknown: Vec<usize> = starts.keys().copied().filter(|i| !known.contains(i)).collect();
            found.extend(self.prompt(at, &frame, &unknown)?);
            let followed = read_sync(self.tracker.follow(self.segmenter, at, &frame, Direction::Forward, &unknown))?;
            found.extend(followed.into_iter().map(|answer| (Role::Followed, answer)));
            self.write(at, picture, &frame, found)?;
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn look(&self, at: usize) -> Result<(Frame, VideoFrame), Box<dyn Error>> {
        self.progress.set_message(self.frames.name(at));
        let picture = self.frames.read(at)?;
        let frame = self.segmenter.encode_video_frame(&picture);
        Ok((picture, frame))
    }

    /// What the prompts on a frame give for these structures.
    fn prompt(
        &mut self,
        at: usize,
        frame: &VideoFrame,
        structures: &[usize],
    ) -> Result<Vec<(Role, Answer)>, Box<dyn Error>> {
        let mut found = Vec::new();
        for (structure, said) in self.prompts.on(at).filter(|(structure, _)| structures.contains(structure)) {
            found.extend(match said {
                Said::Prompts(prompts) => {
                    read_sync(self.tracker.prompt(self.segmenter, at, frame, std::slice::from_ref(prompts)))?
                }
                Said::Mask(map) => read_sync(self.tracker.take_masks(self.segmenter, at, frame, map, &[structure]))?,
            });
        }
        Ok(found.into_iter().map(|answer| (Role::Prompted, answer)).collect())
    }

    /// Writes what was found on a frame and marks it where it is doubtful.
    fn write(
        &mut self,
        at: usize,
        picture: Frame,
        frame: &VideoFrame,
        mut found: Vec<(Role, Answer)>,
    ) -> Result<(), Box<dyn Error>> {
        found.sort_by_key(|(_, answer)| answer.structure);
        let (roles, answers): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let shown = self.segmenter.show(frame, &answers);
        let own = self.own_answer(frame)?;
        let doubt = self.track.doubt.unwrap_or(DOUBT);
        let each = shown.structures.iter().zip(roles).zip(&answers).map(|((shown_structure, role), answer)| {
            let class_id = answer.structure + 1;
            let agreement = own.as_ref().map(|own| own.map.agreement(&shown.map, class_id as u8));
            FollowedStructure {
                report: StructureReport::new(self.segmenter, shown_structure),
                role,
                agreement,
                doubtful: role == Role::Followed && agreement.is_some_and(|dice| dice < doubt),
            }
        });
        let report = FrameReport { frame: at, name: self.frames.name(at), structures: each.collect() };
        let input = format!("{}, frame {at}", self.track.input.display());
        let place = Place::default();
        let source = Source { input, place, model: &self.track.model, segmenter: self.segmenter };
        write(&self.track.out, report.name.as_ref(), &source, picture, &shown)?;
        self.reports.insert(at, report);
        self.progress.inc(1);
        Ok(())
    }

    /// The model's own answer on the frame, where it has one.
    fn own_answer(&self, frame: &VideoFrame) -> Result<Option<Segmentation>, Box<dyn Error>> {
        if self.segmenter.is_manual_only() {
            return Ok(None);
        }
        let alone = self.segmenter.as_picture(frame);
        Ok(Some(read_sync(self.segmenter.segment(&alone, &Request::default()))?))
    }

    /// Writes the summary and says what was done.
    fn finish(&self) -> Result<(), Box<dyn Error>> {
        self.progress.finish_and_clear();
        let report = Report {
            input: self.track.input.display().to_string(),
            model: self.track.model.display().to_string(),
            training_data: &self.segmenter.card().training_data,
            note: NOTE,
            frame_count: self.frames.count(),
            frames: self.reports.values().collect(),
        };
        let path: &Path = &self.track.out.join("track.json");
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
        let is_doubtful = |report: &&FrameReport| report.structures.iter().any(|structure| structure.doubtful);
        let doubtful = self.reports.values().filter(is_doubtful).count();
        println!(
            "{} of {} frames written into {}, {doubtful} of them marked for a look",
            self.reports.len(),
            self.frames.count(),
            self.track.out.display()
        );
        Ok(())
    }
}
