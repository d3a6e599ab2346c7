//! The pictures that a configuration names: simulated as they are needed, or read from a folder.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::TrainError;
use super::config::{DataConfig, FolderData, MixSource, PhantomData};
use crate::dataset::{Dataset, LabelledPicture, Split};
use crate::learner::{LearnError, PictureSource, TrainingData, TrainingPicture, TrainingSet, few_shot};
use crate::overlay::default_color;
use crate::structure::Structure;

/// What one source of the configuration is, before its structures have places in the network.
struct Opened {
    structures: Vec<Structure>,
    validation: Vec<LabelledPicture>,
    description: String,
    source: Box<dyn PictureSource>,
}

/// Opens what the configuration names; pictures are resized for a network of `image_size`, and kept in memory.
///
/// # Errors
/// [`TrainError::Dataset`], [`LearnError::Settings`], where the pictures take more than `memory_gb` among others.
pub fn open(config: &DataConfig, seed: u64, image_size: usize, memory_gb: f64) -> Result<TrainingData, TrainError> {
    let mut data = TrainingData { structures: Vec::new(), sets: Vec::new(), description: String::new(), seed };
    let room = &mut Room { image_size, pictures: 0, memory_gb };
    match config {
        DataConfig::Phantom(phantom) => add(&mut data, open_phantom(phantom, room)?, 1.0),
        DataConfig::Folder(folder) => add(&mut data, open_folder(folder, seed, room)?, 1.0),
        DataConfig::Mix(mix) => {
            keep_seeds_apart(&mix.sources)?;
            for source in &mix.sources {
                let opened = match &source.data {
                    DataConfig::Phantom(phantom) => open_phantom(phantom, room)?,
                    DataConfig::Folder(folder) => open_folder(folder, seed, room)?,
                    DataConfig::Mix(_) => return Err(settings("a source of a mix is a mix itself".into())),
                };
                add(&mut data, opened, source.share);
            }
        }
    }
    data.description.push_str("; not for clinical use");
    Ok(data)
}

fn add(data: &mut TrainingData, opened: Opened, share: f64) {
    let Opened { structures, validation, description, source } = opened;
    let structures = structures.into_iter().map(|structure| place_of(&mut data.structures, structure)).collect();
    if !data.description.is_empty() {
        data.description.push_str("; ");
    }
    data.description.push_str(&description);
    data.sets.push(TrainingSet { structures, validation, share, source });
}

/// Where the network has a structure of that name, which it gets if it has none.
fn place_of(known: &mut Vec<Structure>, structure: Structure) -> usize {
    let place = known.iter().position(|known| known.name == structure.name);
    place.unwrap_or_else(|| {
        known.push(Structure { color: default_color(known.len()), ..structure });
        known.len() - 1
    })
}

fn settings(why: String) -> TrainError {
    LearnError::Settings(why).into()
}

/// Simulates the pictures `n..` in a thread of its own, until the value is dropped.
pub fn prefetch(data: &Arc<TrainingData>, n: usize) -> Prefetch {
    let stop = Arc::new(AtomicBool::new(false));
    if data.sets.iter().any(|set| set.source.is_made_when_asked()) {
        let (data, stop) = (data.clone(), stop.clone());
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

/// The memory that pictures may take.
struct Room {
    /// Side of the network's input.
    image_size: usize,
    /// Those that have their place.
    pictures: usize,
    memory_gb: f64,
}

impl Room {
    /// Makes place for more pictures.
    fn take(&mut self, pictures: usize) -> Result<(), TrainError> {
        // Red, green, blue and the class id of each pixel.
        const BYTES_A_PIXEL: usize = 4;
        self.pictures += pictures;
        let needed_gb = (self.pictures * self.image_size.pow(2) * BYTES_A_PIXEL) as f64 / 1e9;
        if needed_gb > self.memory_gb {
            return Err(settings(format!(
                "{} pictures of {} px take {needed_gb:.1} GB of memory, more than `picture_memory_gb` = {}; lower `data.count` or \
                 `data.limit`, or raise it",
                self.pictures, self.image_size, self.memory_gb
            )));
        }
        Ok(())
    }
}

/// The seeds of simulated pictures to train on, and of those to validate on. Fresh pictures have all seeds from the first on.
fn seeds(config: &PhantomData) -> [Range<u64>; 2] {
    let range = |first: u64, count: usize| first..first.saturating_add(count as u64);
    let train = if config.fresh { config.first_seed..u64::MAX } else { range(config.first_seed, config.count) };
    [train, range(config.validation_first_seed, config.validation_count)]
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

/// No source of simulated pictures trains on what another of the same scene and machines validates on.
fn keep_seeds_apart(sources: &[MixSource]) -> Result<(), TrainError> {
    let phantoms = || {
        sources.iter().filter_map(|source| match &source.data {
            DataConfig::Phantom(phantom) => Some(phantom),
            _ => None,
        })
    };
    for one in phantoms() {
        let is_like = |other: &&PhantomData| (other.preset, other.ranges) == (one.preset, one.ranges);
        let validated = &seeds(one)[1];
        if let Some(other) = phantoms().filter(is_like).find(|other| overlap(&seeds(other)[0], validated)) {
            return Err(settings(format!(
                "validation seeds {validated:?} of {} are among another source's training seeds from {}; move \
                 `validation_first_seed`",
                one.preset.name(),
                other.first_seed
            )));
        }
    }
    Ok(())
}

fn open_phantom(config: &PhantomData, room: &mut Room) -> Result<Opened, TrainError> {
    let (first, count) = (config.first_seed, config.count as u64);
    let (validation_first, validation_count) = (config.validation_first_seed, config.validation_count as u64);
    if count == 0 {
        return Err(settings("`data.count` is 0: there is nothing to train on".into()));
    }
    room.take(config.count)?;
    let [train, validated] = seeds(config);
    if overlap(&train, &validated) {
        return Err(settings(format!(
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
        source: Box::new(PhantomPool::new(config, room.image_size)),
    })
}

fn open_folder(config: &FolderData, seed: u64, room: &mut Room) -> Result<Opened, TrainError> {
    let mut dataset = Dataset::open(&config.folder)?;
    if !config.structures.is_empty() {
        name_structures(&mut dataset, &config.structures, &config.folder)?;
    }
    dataset.require(Split::Train)?;
    let names: Vec<String> = dataset.names(Split::Train).into_iter().map(str::to_owned).collect();
    if let Some(name) = config.validation_names.iter().find(|name| !names.contains(name)) {
        return Err(settings(format!(
            "`data.validation_names` has {name}, which is not in {}",
            config.folder.join("Train/imgs").display()
        )));
    }
    let (mut train, mut validation): (Vec<_>, Vec<_>) =
        few_shot::order(names.len(), seed).into_iter().partition(|&i| !config.validation_names.contains(&names[i]));
    train.truncate(config.limit.unwrap_or(usize::MAX));
    if config.validation_names.is_empty() {
        let kept = (train.len() as f64 * config.validation_share).round() as usize;
        validation = train.split_off(train.len() - kept.min(train.len()));
    }
    if train.is_empty() {
        return Err(settings(format!(
            "{}: all {} pictures are kept for validation; lower `data.validation_share`",
            config.folder.display(),
            validation.len()
        )));
    }
    room.take(train.len())?;
    let image_size = room.image_size;
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
        source: Box::new(pictures?),
    })
}

/// Gives the structures of a folder the names that the configuration has for them.
fn name_structures(dataset: &mut Dataset, names: &[String], folder: &Path) -> Result<(), TrainError> {
    let labelled = dataset.structures.len();
    if names.len() < labelled {
        return Err(settings(format!(
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

    fn simulate(&self, i: u64) -> TrainingPicture {
        let phantom = self.config.preset.simulate(self.config.ranges, self.config.first_seed + i);
        TrainingPicture::from_frame(&phantom.frame, &phantom.class_ids, self.image_size)
    }
}

impl PictureSource for PhantomPool {
    fn count(&self) -> usize {
        self.slots.len()
    }

    fn picture(&self, round: usize, index: usize) -> Arc<TrainingPicture> {
        if self.config.fresh && round > 0 {
            return Arc::new(self.simulate((round * self.slots.len() + index) as u64));
        }
        self.slots[index].get_or_init(|| Arc::new(self.simulate(index as u64))).clone()
    }

    fn is_made_when_asked(&self) -> bool {
        true
    }
}
