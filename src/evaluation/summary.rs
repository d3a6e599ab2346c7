//! Many pictures' scores in a few figures.

use serde::Serialize;

use super::picture::{PictureScores, Prompting, StructureScores};

/// What distances are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Where every picture's pixel size is known.
    #[serde(rename = "mm")]
    Millimetres,
    /// Else.
    #[serde(rename = "px")]
    Pixels,
}

impl Unit {
    /// That of all pictures, so that no mean mixes two.
    pub fn of(pictures: &[PictureScores]) -> Self {
        if pictures.iter().all(|picture| picture.pixel_spacing_mm.is_some()) { Self::Millimetres } else { Self::Pixels }
    }

    /// As written behind a number.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Millimetres => "mm",
            Self::Pixels => "px",
        }
    }

    /// A distance in a picture's pixels in this unit.
    pub(super) fn scale(self, picture: &PictureScores) -> f64 {
        match (self, picture.pixel_spacing_mm) {
            (Self::Millimetres, Some(spacing)) => f64::from(spacing),
            _ => 1.0,
        }
    }
}

/// Of at least one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistics {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// The standard deviation of the sample (n - 1); 0 for one value.
    pub std: f64,
    /// Their median, the mean of the middle two where they are even in number.
    pub median: f64,
}

impl Statistics {
    /// `None` where there are no values.
    pub fn new(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let upper = *values.get(count / 2)?;
        let median = if count % 2 == 1 { upper } else { (values[count / 2 - 1] + upper) / 2.0 };
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let std = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        Some(Self { count, mean, std, median })
    }
}

/// One structure, or all of them, under one prompting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Whose prompts counted.
    pub prompting: Prompting,
    /// The structure's name; `None` for all together.
    pub structure: Option<String>,
    /// Over the pictures in which it is labelled.
    pub dice: Option<Statistics>,
    /// As Dice.
    pub iou: Option<Statistics>,
    /// Over the pictures in which it is labelled and something was found, in the report's unit.
    pub hd95: Option<Statistics>,
    /// As HD95.
    pub assd: Option<Statistics>,
    /// Pictures in which it is labelled and nothing was found: they have a Dice of 0 and no distance.
    pub missed: usize,
}

impl Summary {
    /// Of the structure of the given number and name, or of all.
    pub(super) fn new(
        prompting: Prompting,
        structure: Option<(usize, &str)>,
        pictures: &[PictureScores],
        unit: Unit,
    ) -> Self {
        let scores = || {
            let of_picture = |picture: &'_ PictureScores| unit.scale(picture);
            pictures
                .iter()
                .flat_map(move |picture| picture.structures.iter().map(move |s| (of_picture(picture), s)))
                .filter(move |(_, scores)| {
                    scores.prompting == prompting && structure.is_none_or(|(i, _)| i == scores.structure)
                })
        };
        let missed = |scores: &StructureScores| scores.truth_pixels > 0 && scores.predicted_pixels == 0;
        Self {
            prompting,
            structure: structure.map(|(_, name)| name.to_owned()),
            dice: Statistics::new(scores().filter_map(|(_, scores)| scores.dice)),
            iou: Statistics::new(scores().filter_map(|(_, scores)| scores.iou)),
            hd95: Statistics::new(scores().filter_map(|(scale, scores)| Some(scale * scores.hd95_px?))),
            assd: Statistics::new(scores().filter_map(|(scale, scores)| Some(scale * scores.assd_px?))),
            missed: scores().filter(|(_, scores)| missed(scores)).count(),
        }
    }
}

/// How often the object score is right about whether a structure is in the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// It is there and said to be.
    pub true_positives: usize,
    /// False positive: reported as present, but absent.
    pub false_positives: usize,
    /// It is not there and not said to be.
    pub true_negatives: usize,
    /// False negative: present, but not reported.
    pub false_negatives: usize,
}

impl Presence {
    /// Counts.
    pub fn new<'a>(scores: impl Iterator<Item = &'a StructureScores>) -> Self {
        scores.fold(Self::default(), |mut counts, scores| {
            match (scores.is_present(), scores.is_found_present()) {
                (true, true) => counts.true_positives += 1,
                (false, true) => counts.false_positives += 1,
                (false, false) => counts.true_negatives += 1,
                (true, false) => counts.false_negatives += 1,
            }
            counts
        })
    }

    /// Right among all, 0 to 1; `None` without any.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.true_positives + self.true_negatives;
        share(right, right + self.false_positives + self.false_negatives)
    }

    /// Found among those that are there; `None` where none is.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Said to be absent among those that are not there; `None` where all are.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.true_negatives + self.false_positives)
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// What one box or one point does for the pictures that the model is worst at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WorstFifth {
    /// How many pictures: a fifth, rounded up.
    pub pictures: usize,
    /// Their mean Dice without help.
    pub autonomous: f64,
    /// Their mean Dice with a box for each structure.
    pub with_box: f64,
    /// Their mean Dice with a point for each structure, where the answer is most wrong.
    pub with_point: f64,
}

impl WorstFifth {
    /// Of pictures, worst first; `None` where nothing is labelled in any.
    pub(super) fn new(worst_first: &[&PictureScores]) -> Option<Self> {
        let worst = &worst_first[..worst_first.len().div_ceil(5)];
        let mean = |prompting| Statistics::new(worst.iter().filter_map(|picture| picture.mean_dice(prompting)));
        Some(Self {
            pictures: worst.len(),
            autonomous: mean(Prompting::AUTONOMOUS)?.mean,
            with_box: mean(Prompting::SEMI_AUTONOMOUS_BOX)?.mean,
            with_point: mean(Prompting::SEMI_AUTONOMOUS_POINT)?.mean,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(prompting: Prompting, dice: f64) -> StructureScores {
        StructureScores {
            prompting,
            structure: 0,
            dice: Some(dice),
            iou: Some(dice / (2.0 - dice)),
            hd95_px: (dice > 0.0).then_some(4.0),
            assd_px: (dice > 0.0).then_some(2.0),
            truth_pixels: 100,
            predicted_pixels: if dice > 0.0 { 100 } else { 0 },
            object_score: Some(1.0),
            predicted_iou: 0.5,
            expected_dice: None,
            clicks: 0,
            clicks_obeyed: 0,
        }
    }

    fn picture(spacing: Option<f32>, alone: f64, with_box: f64) -> PictureScores {
        let structures = vec![
            scores(Prompting::AUTONOMOUS, alone),
            scores(Prompting::SEMI_AUTONOMOUS_BOX, with_box),
            scores(Prompting::SEMI_AUTONOMOUS_POINT, 0.9),
        ];
        PictureScores { name: "a.png".into(), pixel_spacing_mm: spacing, structures }
    }

    #[test]
    fn mean_deviation_and_median_are_those_of_the_sample() {
        let statistics = Statistics::new([4.0, 1.0, 2.0, 3.0].into_iter()).unwrap();
        assert_eq!((statistics.count, statistics.mean, statistics.median), (4, 2.5, 2.5));
        assert!((statistics.std - (5.0f64 / 3.0).sqrt()).abs() < 1e-12);
        let one = Statistics::new([7.0].into_iter()).unwrap();
        assert_eq!((one.mean, one.std, one.median), (7.0, 0.0, 7.0));
        assert_eq!(Statistics::new(std::iter::empty()), None);
    }

    #[test]
    fn distances_are_in_mm_where_every_pixel_size_is_known_and_in_pixels_else() {
        let known = [picture(Some(0.5), 0.9, 0.9), picture(Some(0.25), 0.9, 0.9)];
        let summary = Summary::new(Prompting::AUTONOMOUS, None, &known, Unit::of(&known));
        assert_eq!(summary.hd95.unwrap().mean, 1.5);
        let mixed = [picture(Some(0.5), 0.9, 0.9), picture(None, 0.9, 0.9)];
        let summary = Summary::new(Prompting::AUTONOMOUS, None, &mixed, Unit::of(&mixed));
        assert_eq!((Unit::of(&mixed), summary.hd95.unwrap().mean), (Unit::Pixels, 4.0));
    }

    #[test]
    fn a_missed_structure_counts_for_dice_and_has_no_distance() {
        let pictures = [picture(None, 0.0, 0.5), picture(None, 0.8, 0.8)];
        let summary = Summary::new(Prompting::AUTONOMOUS, Some((0, "radius")), &pictures, Unit::Pixels);
        assert_eq!((summary.missed, summary.dice.unwrap().mean, summary.hd95.unwrap().count), (1, 0.4, 1));
    }

    #[test]
    fn presence_compares_the_object_score_with_more_than_ten_pixels() {
        let scores = |truth_pixels, object_score| StructureScores {
            truth_pixels,
            object_score: Some(object_score),
            ..scores(Prompting::AUTONOMOUS, 0.5)
        };
        let all = [scores(11, 0.0), scores(10, 0.1), scores(10, -0.1), scores(0, -3.0), scores(500, -0.1)];
        let presence = Presence::new(all.iter());
        assert_eq!(presence.accuracy(), Some(0.6));
        assert_eq!(presence.sensitivity(), Some(0.5));
        assert_eq!(presence.specificity(), Some(2.0 / 3.0));
        assert_eq!(Presence::default().accuracy(), None);
    }

    #[test]
    fn the_worst_fifth_is_rounded_up_and_judged_on_the_same_pictures() {
        let pictures: Vec<_> = (0..6).map(|i| picture(None, 0.1 * f64::from(i), 0.7)).collect();
        let worst = WorstFifth::new(&pictures.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((worst.pictures, worst.autonomous), (2, 0.05));
        assert!((worst.with_box - 0.7).abs() < 1e-12 && (worst.with_point - 0.9).abs() < 1e-12);
    }
}
