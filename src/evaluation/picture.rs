//! One picture under every prompting.

use burn::tensor::read_sync;
use serde::Serialize;
use std::fmt;

use super::MIN_PRESENT_PIXELS;
use super::clicks::{bounding_box, correcting_click, first_click};
use super::mask::Mask;
use super::measures::{dice, iou, surface_distances};
use crate::dataset::LabelledPicture;
use crate::segmenter::{EncodedFrame, Mode, Request, RequestError, Segmentation, Segmenter, StructurePrompts};

/// What a simulated person gives for each structure that is in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Help {
    /// The box around it.
    Box,
    /// So many points: the inner-most one of it, then of the largest error that the answer so far has.
    Points(usize),
}

/// Whose prompts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompting {
    /// The mode.
    pub mode: Mode,
    /// The person's part; `None` in autonomous mode.
    pub help: Option<Help>,
}

impl Prompting {
    /// The model alone.
    pub const AUTONOMOUS: Self = Self { mode: Mode::Autonomous, help: None };
    /// The model and a box.
    pub const SEMI_AUTONOMOUS_BOX: Self = Self::helped(Mode::SemiAutonomous, Help::Box);
    /// All that a report has.
    pub const ALL: [Self; 7] = [
        Self::AUTONOMOUS,
        Self::SEMI_AUTONOMOUS_BOX,
        Self::helped(Mode::SemiAutonomous, Help::Points(1)),
        Self::helped(Mode::SemiAutonomous, Help::Points(3)),
        Self::helped(Mode::Manual, Help::Box),
        Self::helped(Mode::Manual, Help::Points(1)),
        Self::helped(Mode::Manual, Help::Points(3)),
    ];

    const fn helped(mode: Mode, help: Help) -> Self {
        Self { mode, help: Some(help) }
    }
}

impl fmt::Display for Prompting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mode {
            Mode::Autonomous => "autonomous",
            Mode::SemiAutonomous => "semi-autonomous",
            Mode::Manual => "manual",
        })?;
        match self.help {
            None => Ok(()),
            Some(Help::Box) => f.write_str(", box"),
            Some(Help::Points(1)) => f.write_str(", 1 point"),
            Some(Help::Points(n)) => write!(f, ", {n} points"),
        }
    }
}

impl Serialize for Prompting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One structure of one picture under one prompting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StructureScores {
    /// Whose prompts counted.
    pub prompting: Prompting,
    /// Which structure of the model, counted from 0.
    pub structure: usize,
    /// Dice, 0 to 1; `None` where the structure is not labelled in the picture.
    pub dice: Option<f64>,
    /// Intersection over union, 0 to 1; `None` as Dice.
    pub iou: Option<f64>,
    /// HD95 in pixels; `None` where the truth or the answer is empty.
    pub hd95_px: Option<f64>,
    /// ASSD in pixels; `None` as HD95.
    pub assd_px: Option<f64>,
    /// Pixels of the label.
    pub truth_pixels: usize,
    /// Pixels of the answer.
    pub predicted_pixels: usize,
    /// Logit of its presence; `None` where the model has no object score.
    pub object_score: Option<f32>,
    /// The IoU that the model expects of its answer.
    pub predicted_iou: f32,
}

impl StructureScores {
    /// Whether the structure is in the picture.
    pub fn is_present(&self) -> bool {
        self.truth_pixels > MIN_PRESENT_PIXELS
    }

    /// Whether the model says so; without an object score everything is.
    pub fn is_found_present(&self) -> bool {
        self.object_score.is_none_or(|score| score >= 0.0)
    }
}

/// One picture under every prompting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PictureScores {
    /// The picture's file name.
    pub name: String,
    /// Millimetres a pixel, where they are known.
    pub pixel_spacing_mm: Option<f32>,
    /// Autonomously every structure; with help those that are labelled in the picture.
    pub structures: Vec<StructureScores>,
}

impl PictureScores {
    /// The mean Dice of the picture's structures; `None` where nothing is labelled.
    pub fn mean_dice(&self, prompting: Prompting) -> Option<f64> {
        let scores = self.structures.iter().filter(|scores| scores.prompting == prompting);
        super::Statistics::new(scores.filter_map(|scores| scores.dice)).map(|statistics| statistics.mean)
    }
}

/// Segments a picture under each prompting and measures the answers; class id `i + 1` is the model's structure `i`, and
/// only `structures` are judged and prompted.
///
/// # Errors
/// [`RequestError`].
pub fn evaluate_picture(
    segmenter: &Segmenter,
    picture: &LabelledPicture,
    structures: &[usize],
    promptings: &[Prompting],
) -> Result<PictureScores, RequestError> {
    judge(segmenter, picture, structures, promptings, true)
}

/// As [`evaluate_picture`], of what a model says on its own, without the distances between surfaces: they take as long as all else.
///
/// # Errors
/// [`RequestError`].
pub(super) fn evaluate_overlap(
    segmenter: &Segmenter,
    picture: &LabelledPicture,
    structures: &[usize],
) -> Result<PictureScores, RequestError> {
    judge(segmenter, picture, structures, &[Prompting::AUTONOMOUS], false)
}

fn judge(
    segmenter: &Segmenter,
    picture: &LabelledPicture,
    structures: &[usize],
    promptings: &[Prompting],
    has_distances: bool,
) -> Result<PictureScores, RequestError> {
    let width = picture.frame.width();
    let encoded = segmenter.encode(&picture.frame);
    let truths = structures.iter().map(|&structure| {
        let mask = Mask::of_class(width, &picture.class_ids, structure as u8 + 1);
        Truth { structure, area: mask.extent().area, mask }
    });
    let subject = Subject { segmenter, encoded, width, truths: truths.collect(), has_distances };
    let mut scores = Vec::new();
    for &prompting in promptings {
        let answer = subject.answer(prompting)?;
        scores.extend(subject.truths.iter().filter_map(|truth| subject.score(prompting, truth, &answer)));
    }
    let (name, pixel_spacing_mm) = (picture.name.clone(), picture.pixel_spacing_mm);
    Ok(PictureScores { name, pixel_spacing_mm, structures: scores })
}

struct Truth {
    structure: usize,
    mask: Mask,
    area: usize,
}

/// A picture before the model and the simulated person.
struct Subject<'a> {
    segmenter: &'a Segmenter,
    encoded: EncodedFrame,
    width: usize,
    truths: Vec<Truth>,
    has_distances: bool,
}

impl Subject<'_> {
    fn answer(&self, prompting: Prompting) -> Result<Segmentation, RequestError> {
        let prompts = |truth: &Truth| {
            let mut prompts = StructurePrompts { structure: truth.structure, ..StructurePrompts::default() };
            match prompting.help? {
                Help::Box => prompts.bounding_box = Some(bounding_box(&truth.mask)?),
                Help::Points(_) => prompts.points.push(first_click(&truth.mask)?),
            }
            Some(prompts)
        };
        let prompts = self.truths.iter().filter_map(prompts).collect();
        let mut request = Request { mode: prompting.mode, prompts, ..Request::default() };
        let corrections = match prompting.help {
            Some(Help::Points(points)) => points.saturating_sub(1),
            _ => 0,
        };
        let mut answer = read_sync(self.segmenter.segment(&self.encoded, &request))?;
        for _ in 0..corrections {
            for prompts in &mut request.prompts {
                let truth = self.truths.iter().find(|truth| truth.structure == prompts.structure);
                prompts
                    .points
                    .extend(truth.and_then(|truth| correcting_click(&self.mask(truth, &answer), &truth.mask)));
            }
            answer = read_sync(self.segmenter.segment(&self.encoded, &request))?;
        }
        Ok(answer)
    }

    fn mask(&self, truth: &Truth, answer: &Segmentation) -> Mask {
        Mask::of_class(self.width, &answer.map.class_ids, truth.structure as u8 + 1)
    }

    /// `None` where there was nothing to help with.
    fn score(&self, prompting: Prompting, truth: &Truth, answer: &Segmentation) -> Option<StructureScores> {
        if truth.area == 0 && prompting.help.is_some() {
            return None;
        }
        let found = answer.structures.iter().find(|found| found.structure == truth.structure)?;
        let predicted = self.mask(truth, answer);
        let distances = self.has_distances.then(|| surface_distances(&predicted, &truth.mask)).flatten();
        Some(StructureScores {
            prompting,
            structure: truth.structure,
            dice: dice(predicted.pixels(), truth.mask.pixels()),
            iou: iou(predicted.pixels(), truth.mask.pixels()),
            hd95_px: distances.map(|distances| distances.hd95),
            assd_px: distances.map(|distances| distances.assd),
            truth_pixels: truth.area,
            predicted_pixels: found.area,
            object_score: found.object_score,
            predicted_iou: found.iou,
        })
    }
}
