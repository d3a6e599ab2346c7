//! The pictures of a training: simulated as they are needed, or read from a folder.

use rand::seq::SliceRandom;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::config::{DataConfig, FolderData, PhantomData};
use super::random::{Purpose, generator};
use super::{TrainError, TrainingPicture};
use crate::checkpoint::Structure;
use crate::dataset::{Dataset, LabelledPicture, Split};

/// Pictures to train and to validate on.
pub struct TrainingData {
    /// What is labelled: structure `i` has the class id `i + 1`.
    pub structures: Vec<Structure>,
    /// The pictures to validate on, as they are.
    pub validation: Vec<LabelledPicture>,
    /// What the model file says the weights were trained on.
    pub description: String,
    source: Source,
    seed: u64,
}

enum Source {
    Phantom(PhantomPool),
    Pictures(Vec<Arc<TrainingPicture>>),
}

impl TrainingData {
    /// Opens what the configuration names; pictures are resized for a network of `image_size`.
    ///
    /// # Errors
    /// [`TrainError::Dataset`], [`TrainError::Settings`].
    pub fn open(config: &DataConfig, seed: u64, image_size: usize) -> Result<Self, TrainError> {
        match config {
            DataConfig::Phantom(phantom) => Self::phantom(phantom, seed, image_size),
            DataConfig::Folder(folder) => Self::folder(folder, seed, image_size),
        }
    }

    fn phantom(config: &PhantomData, seed: u64, image_size: usize) -> Result<Self, TrainError> {
        let (first, count) = (config.first_seed, config.count as u64);
        let (validation_first, validation_count) = (config.validation_first_seed, config.validation_count as u64);
        if count == 0 {
            return Err(TrainError::Settings("`data.count` is 0: there is nothing to train on".into()));
        }
        let apart = first + count <= validation_first || validation_first + validation_count <= first;
        if !apart && validation_count > 0 {
            return Err(TrainError::Settings(format!(
                "training seeds {first}.. and validation seeds {validation_first}.. overlap; move `data.validation_first_seed`"
            )));
        }
        let simulate = |i: u64| {
            let seed = validation_first + i;
            let phantom = config.preset.simulate(config.ranges, seed);
            LabelledPicture {
                name: format!("{} {seed}", config.preset.name()),
                frame: phantom.frame,
                class_ids: phantom.class_ids,
                pixel_spacing_mm: Some(phantom.pixel_spacing_mm),
            }
        };
        use rayon::prelude::*;
        let validation = (0..validation_count).into_par_iter().map(simulate).collect();
        let seeds = match config.fresh {
            true => format!("from {first} on, new ones all the time"),
            false => format!("{first} to {}", first + count - 1),
        };
        Ok(Self {
            structures: config.preset.structures().to_vec(),
            validation,
            description: format!(
                "simulated ultrasound (sam2rad phantom, preset {}, seeds {seeds}); not for clinical use",
                config.preset.name()
            ),
            source: Source::Phantom(PhantomPool::new(config, image_size)),
            seed,
        })
    }

    fn folder(config: &FolderData, seed: u64, image_size: usize) -> Result<Self, TrainError> {
        let dataset = Dataset::open(&config.folder)?;
        dataset.require(Split::Train)?;
        let names: Vec<String> = dataset.names(Split::Train).into_iter().map(str::to_owned).collect();
        if let Some(name) = config.validation_names.iter().find(|name| !names.contains(name)) {
            return Err(TrainError::Settings(format!(
                "`data.validation_names` has {name}, which is not in {}",
                config.folder.join("Train/imgs").display()
            )));
        }
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.shuffle(&mut generator(seed, Purpose::Split, 0));
        let (mut train, mut validation): (Vec<_>, Vec<_>) =
            order.into_iter().partition(|&i| !config.validation_names.contains(&names[i]));
        train.truncate(config.limit.unwrap_or(usize::MAX));
        if config.validation_names.is_empty() {
            let kept = (train.len() as f64 * config.validation_share).round() as usize;
            validation = train.split_off(train.len() - kept.min(train.len()));
        }
        if train.is_empty() {
            return Err(TrainError::Settings(format!(
                "{}: all {} pictures are kept for validation; lower `data.validation_share`",
                config.folder.display(),
                validation.len()
            )));
        }
        let read = |i: usize| dataset.read(Split::Train, i);
        let pictures: Result<Vec<_>, _> = train
            .iter()
            .map(|&i| read(i).map(|p| Arc::new(TrainingPicture::from_frame(&p.frame, &p.class_ids, image_size))))
            .collect();
        let provenance = match dataset.provenance.as_str() {
            "" => format!("the labelled pictures of {}", config.folder.display()),
            provenance => provenance.to_owned(),
        };
        Ok(Self {
            structures: dataset.structures.clone(),
            validation: validation.iter().map(|&i| read(i)).collect::<Result<_, _>>()?,
            description: format!("{provenance} ({} pictures); not for clinical use", train.len()),
            source: Source::Pictures(pictures?),
            seed,
        })
    }

    /// Pictures that there are before they come again.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Phantom(pool) => pool.slots.len(),
            Source::Pictures(pictures) => pictures.len(),
        }
    }

    /// Whether there are none: never, once opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which picture is looked at as number `n` since the training began; each once, in another order each time.
    pub fn index_of(&self, n: usize) -> usize {
        let (round, place) = (n / self.len(), n % self.len());
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut generator(self.seed, Purpose::Order, round as u64));
        order[place]
    }

    /// Picture `index` of round `n / len`.
    pub fn picture(&self, n: usize, index: usize) -> Arc<TrainingPicture> {
        match &self.source {
            Source::Phantom(pool) => pool.get(n / self.len(), index),
            Source::Pictures(pictures) => pictures[index].clone(),
        }
    }

    /// Simulates the pictures `n..` in a thread of its own, until the value is dropped.
    pub fn prefetch(self: &Arc<Self>, n: usize) -> Prefetch {
        let stop = Arc::new(AtomicBool::new(false));
        if let Source::Phantom(_) = self.source {
            let (data, stop) = (self.clone(), stop.clone());
            // Only a training that lasts waits for it: it ends with the round.
            std::thread::spawn(move || {
                let end = (n / data.len() + 1) * data.len();
                for n in n..end {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    data.picture(n, data.index_of(n));
                }
            });
        }
        Prefetch { stop }
    }
}

/// Pictures being simulated ahead.
pub struct Prefetch {
    stop: Arc<AtomicBool>,
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Simulated pictures, each made when it is first needed.
struct PhantomPool {
    config: PhantomData,
    image_size: usize,
    slots: Vec<OnceLock<Arc<TrainingPicture>>>,
}

impl PhantomPool {
    fn new(config: &PhantomData, image_size: usize) -> Self {
        Self { config: config.clone(), image_size, slots: (0..config.count).map(|_| OnceLock::new()).collect() }
    }

    fn get(&self, round: usize, index: usize) -> Arc<TrainingPicture> {
        if self.config.fresh && round > 0 {
            return Arc::new(self.simulate((round * self.slots.len() + index) as u64));
        }
        self.slots[index].get_or_init(|| Arc::new(self.simulate(index as u64))).clone()
    }

    fn simulate(&self, i: u64) -> TrainingPicture {
        let phantom = self.config.preset.simulate(self.config.ranges, self.config.first_seed + i);
        TrainingPicture::from_frame(&phantom.frame, &phantom.class_ids, self.image_size)
    }
}
