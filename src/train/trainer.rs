//! The training loop.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::calibration;
use super::config::TrainConfig;
use super::data::{TrainingData, TrainingSet};
use super::features::FeatureCache;
use super::forward::{self, PromptKinds};
use super::gradients::average_and_clip;
use super::loss::{Losses, Predictions};
use super::random::{Purpose, generator};
use super::report::{LossRow, LossValues, Sums, Tables, ValidationRow};
use super::start::{Start, StartFile, start};
use super::state::{self, Parts, State};
use super::{TrainError, TrainingPicture, average, curves, overlays};
use crate::checkpoint::{Dtype, ModelCard, collect, write_model_file};
use crate::config::Sam2RadConfig;
use crate::evaluation::{AutonomousScores, StructureScores, evaluate_overlap};
use crate::model::{ImageFeatures, Sam2Rad};
use crate::preprocess::Normalization;
use crate::segmenter::Segmenter;

/// The file of the best network so far.
const MODEL: &str = "model.safetensors";

/// What a training tells while it goes on.
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
    /// Dice has not risen for as many validations as `report.patience` says.
    NoLongerBetter,
    /// It was asked to stop; a checkpoint is written.
    Stopped,
}

/// A training, ready to go.
pub struct Trainer {
    config: TrainConfig,
    network: Sam2RadConfig,
    card: ModelCard,
    data: Arc<TrainingData>,
    out: PathBuf,
    device: Device,
    /// With gradients for what is trainable.
    model: Sam2Rad,
    /// Without gradients.
    average: Option<Sam2Rad>,
    optimizer: ModuleOptimizer,
    state: State,
    tables: Tables,
    /// Where the encoder is frozen.
    features: Option<FeatureCache>,
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
        let device = Device::flex();
        // The pictures are of the size that the network has.
        let image_size = match &file {
            Some(file) => file.checkpoint.image_size(config.model.image_size)?,
            None => config.model.image_size.unwrap_or(1024),
        };
        let data = Arc::new(TrainingData::open(&config.data, config.seed, image_size)?);
        let Start { model, network, normalization, calibration, provenance } =
            start(&config, file, &data.structures, &device)?;
        check_mask_size(&config, &network)?;
        let mut card = card(&config, &network, &data, normalization, &provenance);
        card.calibration = calibration;
        let optimizer =
            AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(config.optimizer.weight_decay as f32).init();
        let average = (config.optimizer.average_decay > 0.0).then(|| model.clone());
        let state = State { step: 0, best: None, stale: 0, sums: Sums::default(), config: config.clone() };
        let mut parts = Parts { model, average, optimizer, state };
        if resume {
            parts = state::load(out, parts)?;
        }
        let Parts { model, average, optimizer, state } = parts;
        let model = config.mode.prepare(&network, model);
        // The average starts from what the model is, and both have the same names for the same weights.
        let average = match average {
            Some(average) if resume => Some(config.mode.prepare(&network, average).valid()),
            Some(_) => Some(model.valid()),
            None => None,
        };
        std::fs::create_dir_all(out).map_err(TrainError::io(out))?;
        let tables = Tables::open(out, state.step, data.structures.len())?;
        let features = match config.mode.freezes_features(&network) {
            true => {
                let folder = config.features.folder.clone().unwrap_or_else(|| out.join("features"));
                Some(FeatureCache::new(folder, model.valid(), normalization, &config.augmentation, config.seed)?)
            }
            false => None,
        };
        let out = out.into();
        Ok(Self { config, network, card, data, out, device, model, average, optimizer, state, tables, features })
    }

    /// What is trained on.
    pub fn data(&self) -> &TrainingData {
        &self.data
    }

    /// What is about to happen, in a few lines.
    pub fn summary(&self) -> String {
        let (mut trained, mut all) = (0, 0);
        for (name, shape) in crate::checkpoint::shapes(&self.model) {
            let count = shape.iter().product::<usize>();
            all += count;
            trained += if self.config.mode.trains(&self.network, &name) { count } else { 0 };
        }
        format!(
            "{} at {} px: {trained} of {all} weights are trained\n{} pictures, {} to validate on; {}\nsteps {} to {}",
            self.network.architecture,
            self.network.image_size,
            self.data.len(),
            self.data.validation_len(),
            self.data.description,
            self.state.step,
            self.config.steps
        )
    }

    /// Trains until the end, or until `stop` is set; `watch` is told what happens.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], or what the operating system says when something cannot be written.
    pub fn run(&mut self, stop: &AtomicBool, watch: &mut dyn FnMut(Event)) -> Result<End, TrainError> {
        let _ahead = self.data.prefetch(self.state.step * self.config.batch_size);
        while self.state.step < self.config.steps {
            if stop.load(Ordering::Relaxed) {
                self.save()?;
                return Ok(End::Stopped);
            }
            self.step(watch)?;
            let (step, report) = (self.state.step, &self.config.report);
            let is_last = step == self.config.steps;
            let (checkpoint, validation) = (step % report.checkpoint_every == 0, step % report.validate_every == 0);
            if (validation || is_last) && self.validate(watch)? {
                self.save()?;
                return Ok(End::NoLongerBetter);
            }
            if checkpoint || is_last {
                self.save()?;
            }
        }
        Ok(End::Finished)
    }

    fn step(&mut self, watch: &mut dyn FnMut(Event)) -> Result<(), TrainError> {
        let started = Instant::now();
        let (step, batch_size) = (self.state.step, self.config.batch_size);
        let mut accumulator = GradientsAccumulator::new();
        let mut sums = Sums::default();
        for n in step * batch_size..(step + 1) * batch_size {
            let losses = self.losses(n)?;
            let values = LossValues::read(&losses);
            if !values.total.is_finite() {
                return Err(TrainError::Diverged { step });
            }
            sums.add_picture(values);
            self.state.sums.add_picture(values);
            let gradients = GradientsParams::from_grads(losses.total.backward(), &self.model);
            accumulator.accumulate(&self.model, gradients);
        }
        let mut gradients = accumulator.grads();
        let norm = average_and_clip(&self.model, &mut gradients, batch_size, self.config.optimizer.clip_norm);
        if !norm.is_finite() {
            return Err(TrainError::Diverged { step });
        }
        let learning_rate = self.config.learning_rate(step);
        self.model = self.optimizer.step(learning_rate, self.model.clone(), gradients);
        if let Some(average) = self.average.take() {
            self.average = Some(average::update(average, &self.model, self.config.optimizer.average_decay, step));
        }
        self.state.step += 1;
        self.state.sums.add_step(norm, started.elapsed().as_secs_f64());
        let losses = sums.means();
        watch(Event::Step { step: self.state.step, losses, learning_rate });
        if self.state.step.is_multiple_of(self.config.report.log_every) {
            let row = std::mem::take(&mut self.state.sums).row(self.state.step, learning_rate);
            self.tables.loss_rows.push(row);
            self.tables.write(&self.names())?;
            watch(Event::Row(&row));
        }
        Ok(())
    }

    /// The losses of picture `n` since the training began.
    fn losses(&self, n: usize) -> Result<Losses, TrainError> {
        let seed = self.config.seed;
        let rng = &mut generator(seed, Purpose::Picture, n as u64);
        let device = self.device.clone().autodiff();
        let draw = self.data.draw(n);
        let picture = self.data.picture(draw);
        let (picture, features) = match &self.features {
            Some(cache) => {
                let variants = self.config.features.variants;
                let variant = self.data.number(draw) * variants + draw.round % variants;
                cache.get(&picture, variant as u64, &self.device)?
            }
            None => {
                let picture = self.config.augmentation.apply(&picture, rng);
                let features = self.model.encode_image(picture.image(&self.card.normalization, &device));
                (picture, features)
            }
        };
        // Dropout draws from burn's own generator.
        self.device.seed(generator(seed, Purpose::Dropout, n as u64).random());
        let structures = &self.data.sets[draw.set].structures;
        Ok(self.answer(&picture, &features, structures, rng))
    }

    /// The losses of a picture's answers.
    fn answer(
        &self,
        picture: &TrainingPicture,
        features: &ImageFeatures,
        structures: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> Losses {
        let (kinds, manual) = (self.config.prompts.draw(rng), self.config.prompts.draw_manual(rng));
        let losses = self.answer_to(kinds, picture, features, structures, rng);
        match manual.filter(|_| kinds.learned) {
            Some(manual) => losses.with(self.answer_to(manual, picture, features, structures, rng)),
            None => losses,
        }
    }

    /// The losses of a first answer to prompts of these kinds, and of those that are corrected after it.
    fn answer_to(
        &self,
        kinds: PromptKinds,
        picture: &TrainingPicture,
        features: &ImageFeatures,
        structures: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> Losses {
        let device = self.device.clone().autodiff();
        let (mix, count) = (&self.config.prompts, structures.len());
        let predicted = kinds.learned.then(|| self.model.predict_prompts_of(features, structures)).flatten();
        let interim = predicted.as_ref().filter(|_| kinds.strokes).map(|predicted| read(&predicted.interim_mask));
        let mut prompts = picture.manual_prompts(kinds, mix, count, interim.as_deref(), rng, &device);
        let size = self.config.loss.mask_size.unwrap_or(self.network.image_size);
        let targets = picture.targets(count, size, &device);
        let losses = |predictions: &Predictions| Losses::new(predictions, &targets, &self.config.loss);
        let mut answer = forward::answer(&self.model, features, predicted.as_ref(), &prompts, size);
        let first = losses(&answer.predictions);
        let corrections = rng.random_range(0..=mix.corrections);
        let corrected = (0..corrections).map(|_| {
            picture.correct(&mut prompts, &read(&answer.low_res_masks), rng, &device);
            answer = forward::answer(&self.model, features, predicted.as_ref(), &prompts, size);
            // The predictor has answered once, and is judged once.
            losses(&Predictions { predictor: None, ..answer.predictions.clone() })
        });
        let corrected: Vec<Losses> = corrected.collect();
        first.with_corrections(corrected)
    }

    /// Whether the training should end.
    fn validate(&mut self, watch: &mut dyn FnMut(Event)) -> Result<bool, TrainError> {
        let model = self.result();
        if self.data.validation_len() == 0 {
            self.write_model(&model)?;
            return Ok(false);
        }
        let mut found = Vec::new();
        for set in self.data.sets.iter().filter(|set| !set.validation.is_empty()) {
            let segmenter = self.segmenter(&model, &set.structures);
            let all: Vec<usize> = (0..set.structures.len()).collect();
            for picture in &set.validation {
                let scores = evaluate_overlap(&segmenter, picture, &all)?.structures;
                let placed =
                    |scores: StructureScores| StructureScores { structure: set.structures[scores.structure], ..scores };
                found.extend(scores.into_iter().map(placed));
            }
        }
        let scores = AutonomousScores::new(self.network.structures, &found);
        let (step, dice) = (self.state.step, scores.mean_dice());
        let is_best = self.state.best.is_none_or(|(best, _)| dice > best);
        if is_best {
            self.state.best = Some((dice, step));
            self.state.stale = 0;
            let (augmentation, seed) = (&self.config.augmentation, self.config.seed);
            let segmenter = |set: &TrainingSet| self.segmenter(&model, &set.structures);
            if let Some(calibration) = calibration::calibrate(&self.data.sets, augmentation, seed, segmenter)? {
                self.card.calibration = Some(calibration);
            }
            self.write_model(&model)?;
        } else {
            self.state.stale += 1;
        }
        self.tables.validation_rows.push(ValidationRow { step, scores: scores.clone() });
        self.tables.write(&self.names())?;
        for set in &self.data.sets {
            let painted = set.validation.iter().take(self.config.report.overlays);
            overlays::write(&self.out.join("overlays"), step, &self.segmenter(&model, &set.structures), painted)?;
        }
        let path = self.out.join("curves.png");
        curves::draw(&path, &self.tables.loss_rows, &self.tables.validation_rows, &self.card.structures)?;
        watch(Event::Validation { step, scores: &scores, is_best });
        let patience = self.config.report.patience;
        Ok(patience > 0 && self.state.stale >= patience)
    }

    /// The network at work on some of its structures.
    fn segmenter(&self, model: &Sam2Rad, structures: &[usize]) -> Segmenter {
        let named = structures.iter().map(|&i| self.card.structures[i].clone()).collect();
        let card = ModelCard { structures: named, ..self.card.clone() };
        let network = Sam2RadConfig { structures: structures.len(), ..self.network.clone() };
        Segmenter::new(model.clone().with_structures(structures), network, card, self.device.clone())
    }

    /// The network as it would be used: the average of the weights, where there is one.
    pub fn result(&self) -> Sam2Rad {
        self.average.clone().unwrap_or_else(|| self.model.valid())
    }

    fn write_model(&self, model: &Sam2Rad) -> Result<(), TrainError> {
        let seeds =
            format!("seed {}, {} steps of {} pictures", self.config.seed, self.state.step, self.config.batch_size);
        let card = ModelCard { provenance: format!("{}, {seeds}", self.card.provenance), ..self.card.clone() };
        let (path, new) = (self.out.join(MODEL), self.out.join(format!("{MODEL}.new")));
        write_model_file(&new, &card, &mut collect(model))?;
        std::fs::rename(&new, &path).map_err(TrainError::io(&path))
    }

    fn save(&self) -> Result<(), TrainError> {
        state::save(&self.out, &self.model, self.average.as_ref(), &self.optimizer, &self.state)
    }

    fn names(&self) -> Vec<String> {
        self.card.structures.iter().map(|structure| structure.name.clone()).collect()
    }
}

/// Brings a map over from the device.
fn read(map: &Tensor<4>) -> Vec<f32> {
    map.clone().detach().into_data().iter().collect()
}

fn check_mask_size(config: &TrainConfig, network: &Sam2RadConfig) -> Result<(), TrainError> {
    let (image_size, low_res_size) = (network.image_size, network.low_res_size());
    match config.loss.mask_size {
        Some(size) if ![low_res_size, 2 * low_res_size, image_size].contains(&size) => {
            Err(TrainError::Settings(format!(
                "`loss.mask_size` is {size}; for an image size of {image_size} it must be {low_res_size}, {} or \
                 {image_size}",
                2 * low_res_size
            )))
        }
        _ => Ok(()),
    }
}

fn card(
    config: &TrainConfig,
    network: &Sam2RadConfig,
    data: &TrainingData,
    normalization: Normalization,
    provenance: &str,
) -> ModelCard {
    let or = |given: &str, known: String| if given.is_empty() { known } else { given.to_owned() };
    ModelCard {
        architecture: network.architecture.clone(),
        image_size: network.image_size,
        tokens: network.tokens,
        structures: data.structures.clone(),
        parts: network.parts,
        dtype: Dtype::F32,
        interactive: config.prompts.corrections > 0,
        calibration: None,
        normalization,
        provenance: format!("sam2rad {} train, {provenance}", env!("CARGO_PKG_VERSION")),
        licence: config.card.licence.clone(),
        training_data: or(&config.card.training_data, data.description.clone()),
        date: or(&config.card.date, super::date::today()),
        sha256: String::new(),
    }
}
