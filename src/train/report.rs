//! A training's tables.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::TrainError;
use crate::evaluation::AutonomousScores;
use crate::learner::LossRow;

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
