//! One picture under every prompting.

use burn::tensor::read_sync;
use serde::Serialize;
use std::fmt;

use super::MIN_PRESENT_PIXELS;
use super::clicks::{bounding_box, correcting_click, first_click};
use super::mask::Mask;
use super::measures::{dice, iou};
use crate::frame::LabelledPicture;
use crate::model::PointLabel;
use crate::segmenter::{
    EncodedFrame, FramePoint, Mode, Request, RequestError, Segmentation, Segmenter, StructurePrompts,
};

/// What a simulated person gives for each structure that is in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Help {
    /// The box around it.
    Box,
    /// So many points, each the inner-most one of the largest error that the answer so far has. In manual mode, where there is
    /// no answer before the first point, that one is the inner-most of the structure.
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
    /// The model alone, without a person.
    pub const AUTONOMOUS: Self = Self { mode: Mode::Autonomous, help: None };
    /// The model and a box.
    pub const SEMI_AUTONOMOUS_BOX: Self = Self::helped(Mode::SemiAutonomous, Help::Box);
    /// The model and one point.
    pub const SEMI_AUTONOMOUS_POINT: Self = Self::helped(Mode::SemiAutonomous, Help::Points(1));
    /// All that a report has.
    pub const ALL: [Self; 13] = [
        Self::AUTONOMOUS,
        Self::SEMI_AUTONOMOUS_BOX,
        Self::SEMI_AUTONOMOUS_POINT,
        Self::helped(Mode::SemiAutonomous, Help::Points(2)),
        Self::helped(Mode::SemiAutonomous, Help::Points(3)),
        Self::helped(Mode::SemiAutonomous, Help::Points(4)),
        Self::helped(Mode::SemiAutonomous, Help::Points(5)),
        Self::helped(Mode::Manual, Help::Box),
        Self::helped(Mode::Manual, Help::Points(1)),
        Self::helped(Mode::Manual, Help::Points(2)),
        Self::helped(Mode::Manual, Help::Points(3)),
        Self::helped(Mode::Manual, Help::Points(4)),
        Self::helped(Mode::Manual, Help::Points(5)),
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
    /// The Dice that its calibration expects; `None` where it has none.
    pub expected_dice: Option<f32>,
    /// Points given.
    pub clicks: usize,
    /// Those whose pixel has the point's label.
    pub clicks_obeyed: usize,
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

/// How far apart the edges of two masks are, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurfaceDistances {
    /// The 95th percentile of the distances from each edge to the other, the larger of the two.
    pub hd95: f64,
    /// The mean of all those distances (ASSD).
    pub assd: f64,
}

/// How the edges of two masks are compared.
pub(super) type Distances = fn(&Mask, &Mask) -> Option<SurfaceDistances>;

/// Segments a picture without prompts and measures the overlap of the answers; class id `i + 1` is the model's structure `i`, and only
/// `structures` are judged. (Distances between surfaces would take as long as all else.)
///
/// # Errors
/// [`RequestError`].
pub fn evaluate_overlap(
    segmenter: &Segmenter,
    picture: &LabelledPicture,
    structures: &[usize],
) -> Result<PictureScores, RequestError> {
    judge(segmenter, picture, structures, &[Prompting::AUTONOMOUS], None)
}

/// Segments a picture under each prompting and measures the answers; `distances` are left out where nothing computes them.
pub(super) fn judge(
    segmenter: &Segmenter,
    picture: &LabelledPicture,
    structures: &[usize],
    promptings: &[Prompting],
    distances: Option<Distances>,
) -> Result<PictureScores, RequestError> {
    let width = picture.frame.width();
    let encoded = segmenter.encode(&picture.frame);
    let truths = structures.iter().map(|&structure| {
        let mask = Mask::of_class(width, &picture.class_ids, structure as u8 + 1);
        Truth { structure, area: mask.extent().area, mask }
    });
    let subject = Subject { segmenter, encoded, width, truths: truths.collect(), distances };
    let mut scores = Vec::new();
    for &prompting in promptings.iter().filter(|prompting| !matches!(prompting.help, Some(Help::Points(_)))) {
        let answer = subject.answer(prompting)?;
        scores.extend(subject.truths.iter().filter_map(|truth| subject.score(prompting, truth, &answer, &[])));
    }
    for mode in [Mode::SemiAutonomous, Mode::Manual] {
        let points = |prompting: &Prompting| match prompting.help {
            Some(Help::Points(points)) if prompting.mode == mode => Some(points),
            _ => None,
        };
        let asked: Vec<usize> = promptings.iter().filter_map(points).collect();
        scores.extend(subject.click(mode, &asked)?);
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
    distances: Option<Distances>,
}

impl Subject<'_> {
    /// The answer without points: autonomous, or to a box.
    fn answer(&self, prompting: Prompting) -> Result<Segmentation, RequestError> {
        let prompts = |truth: &Truth| {
            let bounding_box = Some(bounding_box(&truth.mask)?);
            Some(StructurePrompts { structure: truth.structure, bounding_box, ..StructurePrompts::default() })
        };
        let prompts = match prompting.help {
            Some(_) => self.truths.iter().filter_map(prompts).collect(),
            None => Vec::new(),
        };
        read_sync(
            self.segmenter.segment(&self.encoded, &Request { mode: prompting.mode, prompts, ..Request::default() }),
        )
    }

    /// Clicks one point after the other for each structure that is in the picture, and scores the answers to as many as `asked`.
    fn click(&self, mode: Mode, asked: &[usize]) -> Result<Vec<StructureScores>, RequestError> {
        let mut scores = Vec::new();
        let most = asked.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return Ok(scores);
        }
        let mut answer = match mode {
            Mode::Manual => None,
            _ => Some(self.answer(Prompting::AUTONOMOUS)?),
        };
        let labelled = || self.truths.iter().filter(|truth| truth.area > 0);
        let prompts = |truth: &Truth| StructurePrompts { structure: truth.structure, ..StructurePrompts::default() };
        let mut request = Request { mode, prompts: labelled().map(prompts).collect(), ..Request::default() };
        for count in 1..=most {
            for (prompts, truth) in request.prompts.iter_mut().zip(labelled()) {
                prompts.points.extend(match &answer {
                    Some(answer) => correcting_click(&self.mask(truth, answer), &truth.mask),
                    None => first_click(&truth.mask),
                });
            }
            let found = read_sync(self.segmenter.segment(&self.encoded, &request))?;
            if asked.contains(&count) {
                let prompting = Prompting { mode, help: Some(Help::Points(count)) };
                let prompted = request.prompts.iter().zip(labelled());
                scores.extend(
                    prompted.filter_map(|(prompts, truth)| self.score(prompting, truth, &found, &prompts.points)),
                );
            }
            answer = Some(found);
        }
        Ok(scores)
    }

    fn mask(&self, truth: &Truth, answer: &Segmentation) -> Mask {
        Mask::of_class(self.width, &answer.map.class_ids, truth.structure as u8 + 1)
    }

    /// `None` where there was nothing to help with.
    fn score(
        &self,
        prompting: Prompting,
        truth: &Truth,
        answer: &Segmentation,
        points: &[FramePoint],
    ) -> Option<StructureScores> {
        if truth.area == 0 && prompting.help.is_some() {
            return None;
        }
        let found = answer.structures.iter().find(|found| found.structure == truth.structure)?;
        let predicted = self.mask(truth, answer);
        let distances = self.distances.and_then(|distances| distances(&predicted, &truth.mask));
        let is_obeyed = |point: &&FramePoint| {
            let is_inside = predicted.pixels()[point.y as usize * self.width + point.x as usize];
            is_inside == (point.label == PointLabel::Inside)
        };
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
            expected_dice: found.expected_dice,
            clicks: points.len(),
            clicks_obeyed: points.iter().filter(|point| is_obeyed(point)).count(),
        })
    }
}
