//! The steps of a training, and their result.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use web_time::Instant;

use super::date::today;
use super::features::{FeatureCache, FeatureStore};
use super::forward::{self, PromptKinds};
use super::gradients::average_and_clip;
use super::loss::{Losses, Predictions, feature_loss};
use super::pictures::{TrainingData, TrainingSet};
use super::random::{Purpose, generator};
use super::recipe::Recipe;
use super::start::{Start, StartFile, start};
use super::state::{Counters, Parts, Saved};
use super::tally::{LossRow, LossValues, Sums};
use super::{LearnError, TrainingPicture, average, calibration};
use crate::checkpoint::{Dtype, ModelCard, collect, model_file_bytes};
use crate::config::Sam2RadConfig;
use crate::evaluation::{AutonomousScores, StructureScores, evaluate_overlap};
use crate::model::{ImageFeatures, Sam2Rad};
use crate::preprocess::Normalization;
use crate::segmenter::Segmenter;

/// A step that was done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Steps done.
    pub step: usize,
    /// The step's losses, a mean over its pictures.
    pub losses: LossValues,
    /// Its learning rate.
    pub learning_rate: f64,
    /// The row of the table of losses that it completes.
    pub row: Option<LossRow>,
}

/// How good the network was found to be on the pictures that it does not learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Steps done.
    pub step: usize,
    /// What was found.
    pub scores: AutonomousScores,
    /// It is the best so far: [`Learner::model_file`] is what to keep.
    pub is_best: bool,
    /// Dice has not risen for as many validations as the recipe's patience.
    pub is_enough: bool,
}

/// A training, ready to go.
pub struct Learner {
    recipe: Recipe,
    network: Sam2RadConfig,
    card: ModelCard,
    data: Arc<TrainingData>,
    device: Device,
    /// With gradients for what is trainable.
    model: Sam2Rad,
    /// Without gradients.
    average: Option<Sam2Rad>,
    optimizer: ModuleOptimizer,
    counters: Counters,
    /// Where the encoder is frozen.
    features: Option<FeatureCache>,
}

impl Learner {
    /// Prepares a training on the CPU, from the weights of `file` or from nothing; `saved` is the checkpoint that it goes on from.
    /// Features of a frozen encoder are kept in `store`.
    ///
    /// # Errors
    /// [`LearnError`]: what is wrong with the recipe, the pictures, the file or the checkpoint.
    pub fn new(
        recipe: Recipe,
        file: Option<StartFile>,
        data: TrainingData,
        saved: Option<Saved>,
        store: Box<dyn FeatureStore>,
    ) -> Result<Self, LearnError> {
        let device = Device::flex();
        let Start { model, network, normalization, calibration, provenance } =
            start(&recipe, file, &data.structures, &device)?;
        check_loss(&recipe, &network)?;
        let mut card = card(&recipe, &network, &data, normalization, &provenance);
        card.calibration = calibration;
        let optimizer =
            AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(recipe.optimizer.weight_decay as f32).init();
        let average = (recipe.optimizer.average_decay > 0.0).then(|| model.clone());
        let goes_on = saved.is_some();
        let mut parts = Parts { model, average, optimizer, counters: Counters::default() };
        if let Some(saved) = saved {
            parts = saved.restore(parts)?;
        }
        let Parts { model, average, optimizer, counters } = parts;
        let model = recipe.mode.prepare(&network, model);
        // The average starts from what the model is, and both have the same names for the same weights.
        let average = match average {
            Some(average) if goes_on => Some(recipe.mode.prepare(&network, average).valid()),
            Some(_) => Some(model.valid()),
            None => None,
        };
        let features = recipe
            .mode
            .freezes_features(&network)
            .then(|| FeatureCache::new(store, model.valid(), normalization, &recipe.augmentation, recipe.seed));
        let data = Arc::new(data);
        Ok(Self { recipe, network, card, data, device, model, average, optimizer, counters, features })
    }

    /// What is trained on.
    pub fn data(&self) -> &Arc<TrainingData> {
        &self.data
    }

    /// What the file of the network as it is now would say of itself, apart from the steps done.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Its settings.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// How far it is.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many weights are trained, of how many.
    pub fn weights(&self) -> (usize, usize) {
        let (mut trained, mut all) = (0, 0);
        for (name, shape) in crate::checkpoint::shapes(&self.model) {
            let count = shape.iter().product::<usize>();
            all += count;
            trained += if self.recipe.mode.trains(&self.network, &name) { count } else { 0 };
        }
        (trained, all)
    }

    /// Whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.counters.step >= self.recipe.steps
    }

    /// Whether the network is to be validated before the next step.
    pub fn is_validation_due(&self) -> bool {
        self.is_finished() || self.counters.step.is_multiple_of(self.recipe.rhythm.validate_every)
    }

    /// One step of the optimizer.
    ///
    /// # Errors
    /// [`LearnError::Diverged`], or what is said where features cannot be kept.
    pub fn step(&mut self) -> Result<Step, LearnError> {
        let started = Instant::now();
        let (step, batch_size) = (self.counters.step, self.recipe.batch_size);
        let mut accumulator = GradientsAccumulator::new();
        let mut sums = Sums::default();
        for n in step * batch_size..(step + 1) * batch_size {
            let losses = self.losses(n)?;
            let values = LossValues::read(&losses);
            if !values.total.is_finite() {
                return Err(LearnError::Diverged { step });
            }
            sums.add_picture(values);
            self.counters.sums.add_picture(values);
            let gradients = GradientsParams::from_grads(losses.total.backward(), &self.model);
            accumulator.accumulate(&self.model, gradients);
        }
        let mut gradients = accumulator.grads();
        let norm = average_and_clip(&self.model, &mut gradients, batch_size, self.recipe.optimizer.clip_norm);
        if !norm.is_finite() {
            return Err(LearnError::Diverged { step });
        }
        let learning_rate = self.recipe.learning_rate(step);
        self.model = self.optimizer.step(learning_rate, self.model.clone(), gradients);
        if let Some(average) = self.average.take() {
            self.average = Some(average::update(average, &self.model, self.recipe.optimizer.average_decay, step));
        }
        self.counters.step += 1;
        self.counters.sums.add_step(norm, started.elapsed().as_secs_f64());
        let step = self.counters.step;
        let is_row = step.is_multiple_of(self.recipe.rhythm.log_every);
        let row = is_row.then(|| std::mem::take(&mut self.counters.sums).row(step, learning_rate));
        Ok(Step { step, losses: sums.means(), learning_rate, row })
    }

    /// The losses of picture `n` since the training began.
    fn losses(&self, n: usize) -> Result<Losses, LearnError> {
        let seed = self.recipe.seed;
        let rng = &mut generator(seed, Purpose::Picture, n as u64);
        let device = self.device.clone().autodiff();
        let draw = self.data.draw(n);
        let picture = self.data.picture(draw);
        let (picture, features) = match &self.features {
            Some(cache) => {
                let variants = self.recipe.variants;
                let variant = self.data.number(draw) * variants + draw.round % variants;
                cache.get(&picture, variant as u64, &self.device)?
            }
            None => {
                let picture = self.recipe.augmentation.apply(&picture, rng);
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
        let (kinds, manual) = (self.recipe.prompts.draw(rng), self.recipe.prompts.draw_manual(rng));
        let losses = self.answer_to(kinds, picture, features, structures, rng);
        let losses = match manual.filter(|_| kinds.learned) {
            Some(manual) => losses.with(self.answer_to(manual, picture, features, structures, rng).total),
            None => losses,
        };
        if self.recipe.loss.deep_supervision == 0.0 {
            return losses;
        }
        let size = self.mask_size();
        let targets = picture.targets(structures.len(), size, &self.device.clone().autodiff());
        let shown = forward::feature_masks(features, structures, size);
        losses.with(feature_loss(shown, &targets, &self.recipe.loss))
    }

    /// Side of the masks that the losses compare.
    fn mask_size(&self) -> usize {
        self.recipe.loss.mask_size.unwrap_or(self.network.image_size)
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
        let (mix, count) = (&self.recipe.prompts, structures.len());
        let predicted = kinds.learned.then(|| self.model.predict_prompts_of(features, structures)).flatten();
        let interim = predicted.as_ref().filter(|_| kinds.strokes).map(|predicted| read(&predicted.interim_mask));
        let mut prompts = picture.manual_prompts(kinds, mix, count, interim.as_deref(), rng, &device);
        let size = self.mask_size();
        let targets = picture.targets(count, size, &device);
        let losses = |predictions: &Predictions| Losses::new(predictions, &targets, &self.recipe.loss);
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

    /// Evaluates the network on the pictures that are held back for validation; `None` where there are none.
    ///
    /// # Errors
    /// [`LearnError::Request`].
    pub fn validate(&mut self) -> Result<Option<Validation>, LearnError> {
        if self.data.validation_len() == 0 {
            return Ok(None);
        }
        let mut found = Vec::new();
        for set in self.data.sets.iter().filter(|set| !set.validation.is_empty()) {
            let segmenter = self.segmenter(&set.structures);
            let all: Vec<usize> = (0..set.structures.len()).collect();
            for picture in &set.validation {
                let scores = evaluate_overlap(&segmenter, picture, &all)?.structures;
                let placed =
                    |scores: StructureScores| StructureScores { structure: set.structures[scores.structure], ..scores };
                found.extend(scores.into_iter().map(placed));
            }
        }
        let scores = AutonomousScores::new(self.network.structures, &found);
        let (step, dice) = (self.counters.step, scores.mean_dice());
        let is_best = self.counters.best.is_none_or(|(best, _)| dice > best);
        if is_best {
            self.counters.best = Some((dice, step));
            self.counters.stale = 0;
            let (augmentation, seed) = (&self.recipe.augmentation, self.recipe.seed);
            let segmenter = |set: &TrainingSet| self.segmenter(&set.structures);
            if let Some(calibration) = calibration::calibrate(&self.data.sets, augmentation, seed, segmenter)? {
                self.card.calibration = Some(calibration);
            }
        } else {
            self.counters.stale += 1;
        }
        let patience = self.recipe.rhythm.patience;
        let is_enough = patience > 0 && self.counters.stale >= patience;
        Ok(Some(Validation { step, scores, is_best, is_enough }))
    }

    /// The network as it is now, as a segmenter of some of its structures.
    pub fn segmenter(&self, structures: &[usize]) -> Segmenter {
        let named = structures.iter().map(|&i| self.card.structures[i].clone()).collect();
        let card = ModelCard { structures: named, ..self.card.clone() };
        let network = Sam2RadConfig { structures: structures.len(), ..self.network.clone() };
        Segmenter::new(self.result().with_structures(structures), network, card, self.device.clone())
    }

    /// The network as it would be used: the average of the weights, where there is one.
    pub fn result(&self) -> Sam2Rad {
        self.average.clone().unwrap_or_else(|| self.model.valid())
    }

    /// The model file of the network as it is now, in this number type.
    ///
    /// # Errors
    /// [`LearnError::Checkpoint`].
    pub fn model_file(&self, dtype: Dtype) -> Result<Vec<u8>, LearnError> {
        let seeds =
            format!("seed {}, {} steps of {} pictures", self.recipe.seed, self.counters.step, self.recipe.batch_size);
        let provenance = format!("{}, {seeds}", self.card.provenance);
        let card = ModelCard { provenance, dtype, ..self.card.clone() };
        Ok(model_file_bytes(&card, &mut collect(&self.result()))?)
    }

    /// A checkpoint.
    ///
    /// # Errors
    /// [`LearnError::State`].
    pub fn save(&self) -> Result<Saved, LearnError> {
        Saved::new(&self.model, self.average.as_ref(), &self.optimizer, &self.counters)
    }
}

/// Brings a map over from the device.
fn read(map: &Tensor<4>) -> Vec<f32> {
    map.clone().detach().into_data().iter().collect()
}

fn check_loss(recipe: &Recipe, network: &Sam2RadConfig) -> Result<(), LearnError> {
    let (image_size, low_res_size) = (network.image_size, network.low_res_size());
    let channels = network.finest_feature_channels();
    if recipe.loss.deep_supervision > 0.0 && network.structures > channels {
        return Err(LearnError::Settings(format!(
            "`loss.deep_supervision` shows each structure in a channel of the finest feature map: {} has {channels} for {} \
             structures; set it to 0",
            network.architecture, network.structures
        )));
    }
    match recipe.loss.mask_size {
        Some(size) if ![low_res_size, 2 * low_res_size, image_size].contains(&size) => {
            Err(LearnError::Settings(format!(
                "`loss.mask_size` is {size}; for an image size of {image_size} it must be {low_res_size}, {} or \
                 {image_size}",
                2 * low_res_size
            )))
        }
        _ => Ok(()),
    }
}

fn card(
    recipe: &Recipe,
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
        interactive: recipe.prompts.corrections > 0,
        calibration: None,
        fit: Some(network.fit),
        normalization,
        provenance: format!("sam2rad {} train, {provenance}", env!("CARGO_PKG_VERSION")),
        licence: recipe.card.licence.clone(),
        training_data: or(&recipe.card.training_data, data.description.clone()),
        date: or(&recipe.card.date, today()),
        sha256: String::new(),
    }
}
