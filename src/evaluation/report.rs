//! The reports of an evaluation: JSON, a Markdown page, a CSV table.

use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;

use super::EvaluationError;
use super::picture::{PictureScores, Prompting};
use super::summary::{Presence, Statistics, Summary, Unit, WorstFifth};
use super::sureness::{Judged, POOR_DICE, Sureness};

/// What every report says of itself.
const NOTE: &str = "Research and teaching only: not a medical device.";

/// What was judged, on what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    /// The model file.
    pub model: String,
    /// What the model was trained on, in its own words.
    pub training_data: String,
    /// The dataset's folder.
    pub data: String,
    /// Which part of it.
    pub split: String,
    /// Where the dataset comes from, in its own words.
    pub provenance: String,
    /// Number and name of each judged structure of the model.
    pub structures: Vec<(usize, String)>,
    /// Structures of the model that the dataset does not label; they are not judged.
    pub unlabelled: Vec<String>,
}

/// A structure's presence.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct StructurePresence {
    /// `None` for all together.
    structure: Option<String>,
    #[serde(flatten)]
    counts: Presence,
    accuracy: Option<f64>,
    sensitivity: Option<f64>,
    specificity: Option<f64>,
}

/// An evaluation, ready to be written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    note: &'static str,
    #[serde(flatten)]
    subject: Subject,
    unit: Unit,
    summaries: Vec<Summary>,
    presence: Vec<StructurePresence>,
    worst_fifth: Option<WorstFifth>,
    /// Share of the simulated person's points whose pixel has the point's label (structure or background); `None` without points.
    clicks_obeyed: Option<f64>,
    /// Whether the expected Dice of the autonomous answers can be trusted; `None` where the model expects none.
    sureness: Option<Sureness>,
    pictures: Vec<PictureScores>,
}

impl Report {
    /// Sums up pictures that were judged under [`Prompting::ALL`].
    pub fn new(subject: Subject, pictures: Vec<PictureScores>) -> Self {
        let unit = Unit::of(&pictures);
        let structures = || subject.structures.iter().map(|(i, name)| Some((*i, name.as_str())));
        // One structure's figures need not be told twice.
        let with_all: Vec<_> = structures().chain((subject.structures.len() > 1).then_some(None)).collect();
        let summaries = Prompting::ALL.iter().flat_map(|&prompting| {
            with_all.iter().map({
                let pictures = &pictures;
                move |&structure| Summary::new(prompting, structure, pictures, unit)
            })
        });
        let summaries = summaries.collect();
        let presence = with_all.iter().map(|&structure| {
            let scores = pictures.iter().flat_map(|picture| &picture.structures);
            let autonomous = scores.filter(|scores| scores.prompting == Prompting::AUTONOMOUS);
            let counts = Presence::new(autonomous.filter(|s| structure.is_none_or(|(i, _)| i == s.structure)));
            StructurePresence {
                structure: structure.map(|(_, name)| name.to_owned()),
                counts,
                accuracy: counts.accuracy(),
                sensitivity: counts.sensitivity(),
                specificity: counts.specificity(),
            }
        });
        let presence = presence.collect();
        let worst_fifth = WorstFifth::new(&worst_first(&pictures));
        let scores = || pictures.iter().flat_map(|picture| &picture.structures);
        let clicks: usize = scores().map(|scores| scores.clicks).sum();
        let obeyed: usize = scores().map(|scores| scores.clicks_obeyed).sum();
        let clicks_obeyed = (clicks > 0).then(|| obeyed as f64 / clicks as f64);
        let judged: Vec<Judged> = scores().filter_map(Judged::new).collect();
        let sureness = Sureness::new(&judged);
        Self { note: NOTE, unit, summaries, presence, worst_fifth, clicks_obeyed, sureness, subject, pictures }
    }

    /// The pictures in which something is labelled, that with the lowest autonomous mean Dice first.
    pub fn worst_first(&self) -> Vec<&PictureScores> {
        worst_first(&self.pictures)
    }

    /// A page with a table of all measures and a table of presence.
    pub fn to_markdown(&self) -> String {
        let mut page = String::new();
        self.write_markdown(&mut page).expect("writing to a string cannot fail");
        page
    }

    fn write_markdown(&self, page: &mut String) -> std::fmt::Result {
        let Subject { model, training_data, data, split, provenance, structures, unlabelled } = &self.subject;
        let or_unknown = |text: &str| if text.is_empty() { "not said".to_owned() } else { text.to_owned() };
        writeln!(page, "# {model} on {data}, {split}\n")?;
        writeln!(
            page,
            "**{NOTE}** Training data of the model: {}.\n",
            or_unknown(training_data.trim_end_matches('.'))
        )?;
        writeln!(page, "{} pictures; the dataset's origin: {}.", self.pictures.len(), or_unknown(provenance))?;
        if !unlabelled.is_empty() {
            writeln!(page, "Not judged, because the dataset does not label it: {}.", unlabelled.join(", "))?;
        }
        let unit = self.unit.symbol();
        writeln!(page, "\nMean ± standard deviation (median) over the pictures in which a structure is labelled (n).")?;
        writeln!(page, "Distances leave out the missed: pictures in which nothing was found of it.\n")?;
        writeln!(page, "| prompts | structure | n | Dice | IoU | HD95, {unit} | ASSD, {unit} | missed |")?;
        writeln!(page, "|---|---|---|---|---|---|---|---|")?;
        for summary in &self.summaries {
            let Summary { prompting, structure, dice, iou, hd95, assd, missed } = summary;
            let name = structure.as_deref().unwrap_or("all");
            let n = dice.map_or(0, |dice| dice.count);
            let [dice, iou] = [dice, iou].map(|values| cell(*values, 3));
            let [hd95, assd] = [hd95, assd].map(|values| cell(*values, 2));
            writeln!(page, "| {prompting} | {name} | {n} | {dice} | {iou} | {hd95} | {assd} | {missed} |")?;
        }
        writeln!(page, "\nIs a structure in the picture (object score, autonomous)?\n")?;
        writeln!(page, "| structure | accuracy | sensitivity | specificity | present | absent |")?;
        writeln!(page, "|---|---|---|---|---|---|")?;
        let figure = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        for row in &self.presence {
            let name = row.structure.as_deref().unwrap_or("all");
            let Presence { true_positives, false_positives, true_negatives, false_negatives } = row.counts;
            let (present, absent) = (true_positives + false_negatives, true_negatives + false_positives);
            let figures = [row.accuracy, row.sensitivity, row.specificity].map(figure).join(" | ");
            writeln!(page, "| {name} | {figures} | {present} | {absent} |")?;
        }
        if let Some(sureness) = self.sureness {
            writeln!(
                page,
                "\nExpected Dice of {} autonomous answers, of which {} have a Dice below {POOR_DICE}: AUROC for those {}, \
                 expected calibration error {:.3}; of the worst tenth, {:.0} % is among the 30 % that the model is least \
                 sure of.",
                sureness.answers,
                sureness.poor,
                figure(sureness.auroc),
                sureness.expected_calibration_error,
                100.0 * sureness.worst_tenth_found
            )?;
        }
        if let Some(obeyed) = self.clicks_obeyed {
            writeln!(page, "\nPoints obeyed: {:.1} %.", 100.0 * obeyed)?;
        }
        if let Some(WorstFifth { pictures, autonomous, with_box, with_point }) = self.worst_fifth {
            let each = if structures.len() > 1 { " for each structure" } else { "" };
            writeln!(
                page,
                "\nOn the worst fifth of pictures (by autonomous mean Dice; {pictures}), one box{each} changes mean Dice \
                 from {autonomous:.3} to {with_box:.3}, one point{each} to {with_point:.3}."
            )?;
        }
        Ok(())
    }

    /// A row for each picture, structure and prompting.
    ///
    /// # Errors
    /// [`EvaluationError::Csv`].
    pub fn write_csv(&self, to: impl Write) -> Result<(), EvaluationError> {
        let mut table = csv::Writer::from_writer(to);
        let unit = self.unit.symbol();
        let (hd95, assd) = (format!("hd95_{unit}"), format!("assd_{unit}"));
        table.write_record([
            "picture",
            "structure",
            "prompts",
            "dice",
            "iou",
            &hd95,
            &assd,
            "truth_px",
            "predicted_px",
            "present",
            "found_present",
            "object_score",
            "predicted_iou",
            "expected_dice",
        ])?;
        let text = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
        for picture in &self.pictures {
            let scale = self.unit.scale(picture);
            for scores in &picture.structures {
                let name = self.subject.structures.iter().find(|(i, _)| *i == scores.structure);
                table.write_record([
                    picture.name.clone(),
                    name.map(|(_, name)| name.clone()).unwrap_or_default(),
                    scores.prompting.to_string(),
                    text(scores.dice),
                    text(scores.iou),
                    text(scores.hd95_px.map(|distance| distance * scale)),
                    text(scores.assd_px.map(|distance| distance * scale)),
                    scores.truth_pixels.to_string(),
                    scores.predicted_pixels.to_string(),
                    scores.is_present().to_string(),
                    scores.is_found_present().to_string(),
                    scores.object_score.map_or_else(String::new, |score| score.to_string()),
                    scores.predicted_iou.to_string(),
                    text(scores.expected_dice.map(f64::from)),
                ])?;
            }
        }
        table.flush().map_err(csv::Error::from)?;
        Ok(())
    }
}

fn worst_first(pictures: &[PictureScores]) -> Vec<&PictureScores> {
    let scored = pictures.iter().filter_map(|picture| Some((picture.mean_dice(Prompting::AUTONOMOUS)?, picture)));
    let mut scored: Vec<_> = scored.collect();
    scored.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    scored.into_iter().map(|(_, picture)| picture).collect()
}

fn cell(values: Option<Statistics>, digits: usize) -> String {
    values.map_or("-".into(), |Statistics { mean, std, median, .. }| {
        format!("{mean:.digits$} ± {std:.digits$} ({median:.digits$})")
    })
}
