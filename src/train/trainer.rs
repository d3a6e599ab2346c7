//! A training with its output folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::config::TrainConfig;
use super::features::FeatureFolder;
use super::report::{Tables, ValidationRow};
use super::{TrainError, curves, data, overlays, state};
use crate::checkpoint::Dtype;
use crate::evaluation::AutonomousScores;
use crate::learner::{LearnError, Learner, LossRow, LossValues, StartFile, TrainingData};
use crate::model::Sam2Rad;

/// The file of the best network so far.
const MODEL: &str = "model.safetensors";

/// What a training reports while it runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step is done.
    Step {
        /// Steps done.
        step: usize,
        /// The step's losses, a mean over its pictures.
        losses: LossValues,
        /// Its learning rate.
        learning_rate: f64,
    },
    /// A row was added to the table of losses.
    Row(&'a LossRow),
    /// The network was validated.
    Validation {
        /// Steps done.
        step: usize,
        /// What was found.
        scores: &'a AutonomousScores,
        /// It is the best so far, and was written.
        is_best: bool,
    },
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All steps are done.
    Finished,
    /// Dice has not risen for `report.patience` validations.
    NoLongerBetter,
    /// It was asked to stop; a checkpoint is written.
    Stopped,
}

/// A training, ready to go.
pub struct Trainer {
    config: TrainConfig,
    learner: Learner,
    out: PathBuf,
    tables: Tables,
}

impl Trainer {
    /// Prepares a training that writes to the folder `out`; `file` is what `config.model.init` names, `None` for `scratch`.
    ///
    /// # Errors
    /// [`TrainError`]: what is wrong with the configuration, the pictures, the file or the folder.
    pub fn new(config: TrainConfig, file: Option<StartFile>, out: &Path, resume: bool) -> Result<Self, TrainError> {
        if !resume && (state::find(out).is_some() || out.join(MODEL).exists()) {
            return Err(TrainError::Exists(out.into()));
        }
        // The pictures are of the size that the network has.
        let image_size = match &file {
            Some(file) => file.checkpoint.image_size(config.model.image_size).map_err(LearnError::from)?,
            None => config.model.image_size.unwrap_or(1024),
        };
        let data = data::open(&config.data, config.seed, image_size, config.picture_memory_gb)?;
        let saved = resume.then(|| state::load(out, &config)).transpose()?;
        let folder = config.features.folder.clone().unwrap_or_else(|| out.join("features"));
        let count = config.data.comes_again().then(|| data.len() * config.features.variants);
        let features = FeatureFolder { folder, count, max_gb: config.features.max_gb };
        let learner = Learner::new(config.recipe(), file, data, saved, Box::new(features))?;
        std::fs::create_dir_all(out).map_err(TrainError::io(out))?;
        let tables = Tables::open(out, learner.counters().step, learner.data().structures.len())?;
        Ok(Self { config, learner, out: out.into(), tables })
    }

    /// What is trained on.
    pub fn data(&self) -> &TrainingData {
        self.learner.data()
    }

    /// What is about to happen, in a few lines.
    pub fn summary(&self) -> String {
        let (trained, all) = self.learner.weights();
        let (card, data) = (self.learner.card(), self.data());
        format!(
            "{} at {} px: {trained} of {all} weights are trained\n{} pictures, {} to validate on; {}\nsteps {} to {}",
            card.architecture,
            card.image_size,
            data.len(),
            data.validation_len(),
            data.description,
            self.learner.counters().step,
            self.config.steps
        )
    }

    /// Trains until the end, or until `stop` is set; `watch` is told what happens.
    ///
    /// # Errors
    /// [`LearnError::Diverged`], or what the operating system says when something cannot be written.
    pub fn run(&mut self, stop: &AtomicBool, watch: &mut dyn FnMut(Event)) -> Result<End, TrainError> {
        let _ahead = data::prefetch(self.learner.data(), self.learner.counters().step * self.config.batch_size);
        while !self.learner.is_finished() {
            if stop.load(Ordering::Relaxed) {
                self.save()?;
                return Ok(End::Stopped);
            }
            let step = self.learner.step()?;
            watch(Event::Step { step: step.step, losses: step.losses, learning_rate: step.learning_rate });
            if let Some(row) = step.row {
                self.tables.loss_rows.push(row);
                self.tables.write(&self.names())?;
                watch(Event::Row(&row));
            }
            if self.learner.is_validation_due() && self.validate(watch)? {
                self.save()?;
                return Ok(End::NoLongerBetter);
            }
            if step.step.is_multiple_of(self.config.report.checkpoint_every) || self.learner.is_finished() {
                self.save()?;
            }
        }
        Ok(End::Finished)
    }

    /// Whether the training should end.
    fn validate(&mut self, watch: &mut dyn FnMut(Event)) -> Result<bool, TrainError> {
        let Some(found) = self.learner.validate()? else {
            self.write_model()?;
            return Ok(false);
        };
        if found.is_best {
            self.write_model()?;
        }
        let (step, scores) = (found.step, &found.scores);
        self.tables.validation_rows.push(ValidationRow { step, scores: scores.clone() });
        self.tables.write(&self.names())?;
        for set in &self.data().sets {
            let painted = set.validation.iter().take(self.config.report.overlays);
            overlays::write(&self.out.join("overlays"), step, &self.learner.segmenter(&set.structures), painted)?;
        }
        let path = self.out.join("curves.png");
        curves::draw(&path, &self.tables.loss_rows, &self.tables.validation_rows, &self.learner.card().structures)?;
        watch(Event::Validation { step, scores, is_best: found.is_best });
        Ok(found.is_enough)
    }

    /// The network as it would be used: the average of the weights, where there is one.
    pub fn result(&self) -> Sam2Rad {
        self.learner.result()
    }

    fn write_model(&self) -> Result<(), TrainError> {
        let (path, new) = (self.out.join(MODEL), self.out.join(format!("{MODEL}.new")));
        std::fs::write(&new, self.learner.model_file(Dtype::F32)?).map_err(TrainError::io(&new))?;
        std::fs::rename(&new, &path).map_err(TrainError::io(&path))
    }

    fn save(&self) -> Result<(), TrainError> {
        state::save(&self.out, &self.learner.save()?, &self.config)
    }

    fn names(&self) -> Vec<String> {
        self.learner.card().structures.iter().map(|structure| structure.name.clone()).collect()
    }
}
