//! The pictures of a training: simulated as they are needed, or read from a folder.

use rand::Rng;
use rand::seq::SliceRandom;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::config::{DataConfig, FolderData, PhantomData};
use super::random::{Purpose, generator};
use super::{TrainError, TrainingPicture};
use crate::checkpoint::Structure;
use crate::dataset::{Dataset, LabelledPicture, Split};
use crate::overlay::default_color;

/// Pictures to train and to validate on.
pub struct TrainingData {
    /// What is labelled anywhere, in the order of the network's prompts.
    pub structures: Vec<Structure>,
    /// Pictures that are labelled alike.
    pub sets: Vec<TrainingSet>,
    /// What the model file says the weights were trained on.
    pub description: String,
    seed: u64,
}

/// Pictures of one source. Class id `i + 1` in them is the network's structure `structures[i]`.
pub struct TrainingSet {
    /// Which of the network's structures are labelled here.
    pub structures: Vec<usize>,
    /// The pictures to validate on, as they are.
    pub validation: Vec<LabelledPicture>,
    /// How often one of its pictures is drawn, beside the others' shares.
    share: f64,
    source: Source,
}

enum Source {
    Phantom(PhantomPool),
    Pictures(Vec<Arc<TrainingPicture>>),
}

/// Which picture a step looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The set.
    pub set: usize,
    /// The picture's number in its set.
    pub index: usize,
    /// How often the set's pictures came before.
    pub round: usize,
}

/// What one source of the configuration is, before its structures have places in the network.
struct Opened {
    structures: Vec<Structure>,
    validation: Vec<LabelledPicture>,
    description: String,
    source: Source,
}

impl TrainingData {
    /// Opens what the configuration names; pictures are resized for a network of `image_size`.
    ///
    /// # Errors
    /// [`TrainError::Dataset`], [`TrainError::Settings`].
    pub fn open(config: &DataConfig, seed: u64, image_size: usize) -> Result<Self, TrainError> {
        let mut data = Self { structures: Vec::new(), sets: Vec::new(), description: String::new(), seed };
        match config {
            DataConfig::Phantom(phantom) => data.add(open_phantom(phantom, image_size)?, 1.0),
            DataConfig::Folder(folder) => data.add(open_folder(folder, seed, image_size)?, 1.0),
            DataConfig::Mix(mix) => {
                for source in &mix.sources {
                    let opened = match &source.data {
                        DataConfig::Phantom(phantom) => open_phantom(phantom, image_size)?,
                        DataConfig::Folder(folder) => open_folder(folder, seed, image_size)?,
                        DataConfig::Mix(_) => {
                            return Err(TrainError::Settings("a source of a mix is a mix itself".into()));
                        }
                    };
                    data.add(opened, source.share);
                }
            }
        }
        data.description.push_str("; not for clinical use");
        Ok(data)
    }

    fn add(&mut self, opened: Opened, share: f64) {
        let Opened { structures, validation, description, source } = opened;
        let structures = structures.into_iter().map(|structure| self.place_of(structure)).collect();
        if !self.description.is_empty() {
            self.description.push_str("; ");
        }
        self.description.push_str(&description);
        self.sets.push(TrainingSet { structures, validation, share, source });
    }

    /// Where the network has a structure of that name, which it gets if it has none.
    fn place_of(&mut self, structure: Structure) -> usize {
        let known = self.structures.iter().position(|known| known.name == structure.name);
        known.unwrap_or_else(|| {
            let place = self.structures.len();
            self.structures.push(Structure { color: default_color(place), ..structure });
            place
        })
    }

    /// Pictures that there are before they come again.
    pub fn len(&self) -> usize {
        self.sets.iter().map(TrainingSet::len).sum()
    }

    /// Whether there are none: never, once opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pictures to validate on, of all sets.
    pub fn validation_len(&self) -> usize {
        self.sets.iter().map(|set| set.validation.len()).sum()
    }

    /// Which picture is looked at as number `n` since the training began. In a single set each comes once before any comes
    /// again, in another order each time; of several sets one is drawn by its share, and any of its pictures.
    pub fn draw(&self, n: usize) -> Draw {
        if let [set] = self.sets.as_slice() {
            let (round, place) = (n / set.len(), n % set.len());
            let mut order: Vec<usize> = (0..set.len()).collect();
            order.shuffle(&mut generator(self.seed, Purpose::Order, round as u64));
            return Draw { set: 0, index: order[place], round };
        }
        let mut rng = generator(self.seed, Purpose::Order, n as u64);
        let mut left = rng.random::<f64>() * self.sets.iter().map(|set| set.share).sum::<f64>();
        let reached = self.sets.iter().position(|set| {
            left -= set.share;
            left < 0.0
        });
        let set = reached.unwrap_or(self.sets.len() - 1);
        let index = rng.random_range(0..self.sets[set].len());
        Draw { set, index, round: n / self.len() }
    }

    /// The picture of a draw.
    pub fn picture(&self, draw: Draw) -> Arc<TrainingPicture> {
        match &self.sets[draw.set].source {
            Source::Phantom(pool) => pool.get(draw.round, draw.index),
            Source::Pictures(pictures) => pictures[draw.index].clone(),
        }
    }

    /// A number of the draw's picture that no other has.
    pub fn number(&self, draw: Draw) -> usize {
        self.sets[..draw.set].iter().map(TrainingSet::len).sum::<usize>() + draw.index
    }

    /// Simulates the pictures `n..` in a thread of its own, until the value is dropped.
    pub fn prefetch(self: &Arc<Self>, n: usize) -> Prefetch {
        let stop = Arc::new(AtomicBool::new(false));
        if self.sets.iter().any(|set| matches!(set.source, Source::Phantom(_))) {
            let (data, stop) = (self.clone(), stop.clone());
            // It ends with the round: from then on the pictures are there.
            std::thread::spawn(move || {
                let end = (n / data.len() + 1) * data.len();
                for n in n..end {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    data.picture(data.draw(n));
                }
            });
        }
        Prefetch { stop }
    }
}

impl TrainingSet {
    /// Pictures that there are before they come again.
    fn len(&self) -> usize {
        match &self.source {
            Source::Phantom(pool) => pool.slots.len(),
            Source::Pictures(pictures) => pictures.len(),
        }
    }
}

fn open_phantom(config: &PhantomData, image_size: usize) -> Result<Opened, TrainError> {
    let (first, count) = (config.first_seed, config.count as u64);
    let (validation_first, validation_count) = (config.validation_first_seed, config.validation_count as u64);
    if count == 0 {
        return Err(TrainError::Settings("`data.count` is 0: there is nothing to train on".into()));
    }
    // Fresh pictures have all seeds from the first on.
    let last = if config.fresh { u64::MAX } else { first + count };
    let apart = last <= validation_first || validation_first + validation_count <= first;
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
    let seeds = match config.fresh {
        true => format!("from {first} on, new ones all the time"),
        false => format!("{first} to {}", first + count - 1),
    };
    Ok(Opened {
        structures: config.preset.structures().to_vec(),
        validation: (0..validation_count).into_par_iter().map(simulate).collect(),
        description: format!("simulated ultrasound (sam2rad phantom, preset {}, seeds {seeds})", config.preset.name()),
        source: Source::Phantom(PhantomPool::new(config, image_size)),
    })
}

fn open_folder(config: &FolderData, seed: u64, image_size: usize) -> Result<Opened, TrainError> {
    let mut dataset = Dataset::open(&config.folder)?;
    if !config.structures.is_empty() {
        name_structures(&mut dataset, &config.structures, &config.folder)?;
    }
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
    let provenance =
        [config.provenance.as_str(), dataset.provenance.as_str()].into_iter().find(|text| !text.is_empty());
    let provenance = match provenance {
        Some(provenance) => provenance.to_owned(),
        None => format!("the labelled pictures of {}", config.folder.display()),
    };
    Ok(Opened {
        structures: dataset.structures.clone(),
        validation: validation.iter().map(|&i| read(i)).collect::<Result<_, _>>()?,
        description: format!("{provenance} ({} pictures)", train.len()),
        source: Source::Pictures(pictures?),
    })
}

/// Gives the structures of a folder the names that the configuration has for them.
fn name_structures(dataset: &mut Dataset, names: &[String], folder: &Path) -> Result<(), TrainError> {
    let labelled = dataset.structures.len();
    if names.len() < labelled {
        return Err(TrainError::Settings(format!(
            "`data.structures` names {} of {}'s {labelled} structures; name each, in the order of the class ids",
            names.len(),
            folder.display()
        )));
    }
    let named = names.iter().enumerate().map(|(i, name)| Structure { name: name.clone(), color: default_color(i) });
    dataset.structures = named.collect();
    Ok(())
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
