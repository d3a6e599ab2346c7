//! A training's tables.

use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::TrainError;
use super::loss::Losses;
use crate::evaluation::AutonomousScores;

/// Losses of one or more pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LossValues {
    /// What is trained on.
    pub total: f64,
    /// Dice loss of the masks.
    pub dice: f64,
    /// Focal loss of the masks.
    pub focal: f64,
    /// Generalised IoU loss of the boxes.
    #[serde(rename = "box")]
    pub bounding_box: f64,
    /// Cross entropy of the object score.
    pub object: f64,
    /// Focal loss of the interim mask.
    pub interim: f64,
    /// Squared error of the predicted IoU.
    pub iou: f64,
}

impl LossValues {
    /// Brings the terms over from the device.
    pub(super) fn read(losses: &Losses) -> Self {
        let value = |loss: &burn::tensor::Tensor<1>| loss.clone().into_scalar::<f64>();
        Self {
            total: value(&losses.total),
            dice: value(&losses.dice),
            focal: value(&losses.focal),
            bounding_box: value(&losses.bounding_box),
            object: value(&losses.object),
            interim: value(&losses.interim),
            iou: value(&losses.iou),
        }
    }

    fn combine(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            total: of(self.total, other.total),
            dice: of(self.dice, other.dice),
            focal: of(self.focal, other.focal),
            bounding_box: of(self.bounding_box, other.bounding_box),
            object: of(self.object, other.object),
            interim: of(self.interim, other.interim),
            iou: of(self.iou, other.iou),
        }
    }
}

/// What is summed up between two rows of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    losses: LossValues,
    pictures: usize,
    gradient_norm: f64,
    steps: usize,
    seconds: f64,
}

impl Sums {
    pub(super) fn add_picture(&mut self, losses: LossValues) {
        self.losses = self.losses.combine(losses, |sum, value| sum + value);
        self.pictures += 1;
    }

    pub(super) fn add_step(&mut self, gradient_norm: f64, seconds: f64) {
        self.gradient_norm += gradient_norm;
        self.seconds += seconds;
        self.steps += 1;
    }

    /// Means over the pictures.
    pub(super) fn means(&self) -> LossValues {
        let pictures = self.pictures.max(1) as f64;
        self.losses.combine(self.losses, |sum, _| sum / pictures)
    }

    /// The means, as the row of `step`.
    pub(super) fn row(&self, step: usize, learning_rate: f64) -> LossRow {
        let mean = self.means();
        LossRow {
            step,
            learning_rate: learning_rate as f32,
            total: mean.total as f32,
            dice: mean.dice as f32,
            focal: mean.focal as f32,
            bounding_box: mean.bounding_box as f32,
            object: mean.object as f32,
            interim: mean.interim as f32,
            iou: mean.iou as f32,
            gradient_norm: (self.gradient_norm / self.steps.max(1) as f64) as f32,
            pictures_per_second: (self.pictures as f64 / self.seconds.max(1e-9)) as f32,
        }
    }
}

/// A row of `losses.csv`: means over the steps since the row before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossRow {
    /// Steps done.
    pub step: usize,
    /// Of the last one.
    pub learning_rate: f32,
    /// See [`LossValues`].
    pub total: f32,
    /// See [`LossValues`].
    pub dice: f32,
    /// See [`LossValues`].
    pub focal: f32,
    /// See [`LossValues`].
    #[serde(rename = "box")]
    pub bounding_box: f32,
    /// See [`LossValues`].
    pub object: f32,
    /// See [`LossValues`].
    pub interim: f32,
    /// See [`LossValues`].
    pub iou: f32,
    /// Norm of all gradients together, before it is bounded.
    pub gradient_norm: f32,
    /// Training alone.
    pub pictures_per_second: f32,
}

/// A row of `validation.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationRow {
    /// Steps done.
    pub step: usize,
    /// What was found.
    pub scores: AutonomousScores,
}

/// The tables of a training, in its output folder.
pub(super) struct Tables {
    losses: PathBuf,
    validation: PathBuf,
    /// All rows so far.
    pub loss_rows: Vec<LossRow>,
    /// All rows so far.
    pub validation_rows: Vec<ValidationRow>,
}

impl Tables {
    /// Starts empty tables, or keeps the rows of the first `steps` steps of those that are there.
    pub fn open(out: &Path, steps: usize, structures: usize) -> Result<Self, TrainError> {
        let (losses, validation) = (out.join("losses.csv"), out.join("validation.csv"));
        let mut tables = Self { losses, validation, loss_rows: Vec::new(), validation_rows: Vec::new() };
        if steps > 0 {
            tables.read(structures).map_err(|why| TrainError::Resume { path: out.into(), why })?;
            tables.loss_rows.retain(|row| row.step <= steps);
            tables.validation_rows.retain(|row| row.step <= steps);
        }
        Ok(tables)
    }

    fn read(&mut self, structures: usize) -> Result<(), String> {
        let text = |error: csv::Error| format!("{error}; without its tables the training cannot go on");
        // A stop may come before the first row of either.
        if self.losses.exists() {
            let mut reader = csv::Reader::from_path(&self.losses).map_err(text)?;
            self.loss_rows = reader.deserialize().collect::<Result<_, _>>().map_err(text)?;
        }
        if !self.validation.exists() {
            return Ok(());
        }
        let mut reader = csv::Reader::from_path(&self.validation).map_err(text)?;
        for record in reader.records() {
            let record = record.map_err(text)?;
            let number = |i: usize| record.get(i).and_then(|field| field.parse::<f64>().ok());
            let scores = AutonomousScores {
                dice: (0..structures).map(|i| number(i + 2)).collect(),
                presence_accuracy: number(structures + 2),
            };
            self.validation_rows.push(ValidationRow { step: number(0).unwrap_or(0.0) as usize, scores });
        }
        Ok(())
    }

    /// Writes both tables anew; they are small.
    pub fn write(&self, structures: &[String]) -> Result<(), TrainError> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        let in_memory = "a table in memory can be written";
        self.loss_rows.iter().for_each(|row| rows.serialize(row).expect(in_memory));
        replace(&self.losses, &rows.into_inner().expect(in_memory))?;
        if self.validation_rows.is_empty() {
            return Ok(());
        }
        let mut rows = csv::Writer::from_writer(Vec::new());
        let names = structures.iter().map(|name| format!("dice {name}"));
        let header = ["step".to_owned(), "dice".to_owned()].into_iter().chain(names);
        rows.write_record(header.chain(["presence accuracy".to_owned()])).expect(in_memory);
        let figure = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.5}"));
        for ValidationRow { step, scores } in &self.validation_rows {
            let dice = [Some(scores.mean_dice())].into_iter().chain(scores.dice.iter().copied());
            let figures = dice.chain([scores.presence_accuracy]).map(figure);
            rows.write_record([step.to_string()].into_iter().chain(figures)).expect(in_memory);
        }
        replace(&self.validation, &rows.into_inner().expect(in_memory))
    }
}

/// Writes a file beside the one of that name and puts it in its place.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).open(&new).map_err(TrainError::io(&new))?;
    file.write_all(bytes).map_err(TrainError::io(&new))?;
    std::fs::rename(&new, path).map_err(TrainError::io(path))
}
