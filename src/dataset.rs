//! Labelled pictures in folders, in the reference's layout.
//!
//! ```text
//! ROOT/dataset.json           structures, pixel sizes, provenance; optional
//! ROOT/Train/imgs/NAME.png    pictures: PNG, JPEG or DICOM
//! ROOT/Train/gts/NAME.png     labels: grey PNG of the same size, class ids as grey values, 0 for the background
//! ROOT/Train/gts/NAME/0001.png    labels of the frames of a DICOM file with several, those that have one
//! ROOT/Test/imgs, ROOT/Test/gts
//! ```
//!
//! Class id `i + 1` is structure `i`. Opening a dataset reads every label once, so that whatever is wrong with one is said
//! before hours are spent on the others; pictures are read when they are asked for.

mod error;
mod files;
#[cfg(test)]
mod tests;

pub use crate::frame::LabelledPicture;
use crate::structure::Structure;
pub use error::DatasetError;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::overlay::default_color;
use crate::picture;
use files::{Entry, list};

/// The description's file name.
const DESCRIPTION: &str = "dataset.json";
/// The value of the structure in a black-and-white mask.
const WHITE: u8 = 255;
/// The largest class id that is believed where no description names the structures: shades of grey go far beyond.
const MAX_UNNAMED_STRUCTURES: u8 = 32;

/// Which part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// To learn from.
    Train,
    /// To be judged on.
    Test,
}

impl fmt::Display for Split {
    /// The folder's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for Split {
    type Err = String;

    /// `Train` or `Test`, in any case.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "train" => Ok(Self::Train),
            "test" => Ok(Self::Test),
            _ => Err("write Train or Test".into()),
        }
    }
}

/// What `dataset.json` says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DatasetDescription {
    /// The structures, in the order of their class ids from 1.
    pub structures: Vec<Structure>,
    /// Millimetres a pixel, in place of what a DICOM file says, by a picture's name, or `Train/NAME` and `Test/NAME` where a name is in both.
    #[serde(default)]
    pub spacing_mm: BTreeMap<String, f32>,
    /// Where the pictures and labels come from.
    #[serde(default)]
    pub provenance: String,
}

/// Pictures and labels that belong together, all checked.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The structures; class id `i + 1` is number `i`.
    pub structures: Vec<Structure>,
    /// Whether `dataset.json` names the structures; if not, they are numbered as the class ids are.
    pub has_names: bool,
    /// Where the pictures and labels come from, as `dataset.json` says.
    pub provenance: String,
    root: PathBuf,
    spacing_mm: BTreeMap<String, f32>,
    train: Vec<Entry>,
    test: Vec<Entry>,
}

impl Dataset {
    /// Lists a folder's pictures and checks every label: a split may be missing, a picture or its label may not.
    ///
    /// # Errors
    /// [`DatasetError`], before any picture is read.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let description = read_description(root)?;
        let has_names = description.is_some();
        let description = description.unwrap_or_default();
        let (train, test) = (list(root, Split::Train)?, list(root, Split::Test)?);
        if train.is_empty() && test.is_empty() {
            return Err(DatasetError::NoSplit(root.into()));
        }
        let mut dataset = Self {
            structures: description.structures,
            has_names,
            provenance: description.provenance,
            root: root.into(),
            spacing_mm: description.spacing_mm,
            train,
            test,
        };
        let histograms = dataset.histograms()?;
        if !has_names {
            dataset.structures = number_structures(root, &histograms)?;
        }
        histograms.iter().try_for_each(|histogram| dataset.check(histogram))?;
        Ok(dataset)
    }

    /// How many pictures a split has.
    pub fn len(&self, split: Split) -> usize {
        self.entries(split).len()
    }

    /// Whether a split is missing.
    pub fn is_empty(&self, split: Split) -> bool {
        self.entries(split).is_empty()
    }

    /// The file names of a split's pictures, sorted.
    pub fn names(&self, split: Split) -> Vec<&str> {
        self.entries(split).iter().map(|entry| entry.name.as_str()).collect()
    }

    /// Reads picture `i` of a split and its label.
    ///
    /// # Errors
    /// [`DatasetError`], where files have changed since the dataset was opened, and where a picture is damaged.
    ///
    /// # Panics
    /// Where the split has no picture `i`.
    pub fn read(&self, split: Split, i: usize) -> Result<LabelledPicture, DatasetError> {
        let entry = &self.entries(split)[i];
        let frame = entry.frame()?;
        let (mut class_ids, histogram) = read_label(entry, (frame.width(), frame.height()))?;
        self.check(&histogram)?;
        if histogram.is_black_and_white() {
            class_ids.iter_mut().filter(|id| **id == WHITE).for_each(|id| *id = 1);
        }
        let in_split = self.spacing_mm.get(&format!("{split}/{}", entry.name));
        let pixel_spacing_mm = in_split.or_else(|| self.spacing_mm.get(&entry.name)).copied();
        let pixel_spacing_mm = pixel_spacing_mm.or_else(|| entry.spacing_mm());
        Ok(LabelledPicture { name: entry.name.clone(), frame, class_ids, pixel_spacing_mm })
    }

    /// Reads a whole split.
    ///
    /// # Errors
    /// As [`Dataset::read`], and [`DatasetError::MissingSplit`].
    pub fn read_all(&self, split: Split) -> Result<Vec<LabelledPicture>, DatasetError> {
        self.require(split)?;
        (0..self.len(split)).into_par_iter().map(|i| self.read(split, i)).collect()
    }

    /// Makes sure that a split has pictures.
    ///
    /// # Errors
    /// [`DatasetError::MissingSplit`].
    pub fn require(&self, split: Split) -> Result<(), DatasetError> {
        if self.is_empty(split) {
            return Err(DatasetError::MissingSplit { root: self.root.clone(), split });
        }
        Ok(())
    }

    fn entries(&self, split: Split) -> &[Entry] {
        match split {
            Split::Train => &self.train,
            Split::Test => &self.test,
        }
    }

    fn histograms(&self) -> Result<Vec<Histogram>, DatasetError> {
        let entries: Vec<_> = self.train.iter().chain(&self.test).collect();
        let read = |entry: &&Entry| Ok(read_label(entry, entry.size()?)?.1);
        entries.par_iter().map(read).collect()
    }

    /// Every class id must be a structure's.
    fn check(&self, histogram: &Histogram) -> Result<(), DatasetError> {
        let structures = self.structures.len();
        if structures == 1 && histogram.is_black_and_white() {
            return Ok(());
        }
        let (class_id, pixels) = histogram.largest_id();
        if usize::from(class_id) <= structures {
            return Ok(());
        }
        Err(DatasetError::UnknownClass {
            label: histogram.label.clone(),
            class_id,
            pixels,
            structures: self.structures.iter().map(|structure| structure.name.clone()).collect(),
        })
    }
}

/// How many pixels of a label have each class id.
struct Histogram {
    label: PathBuf,
    counts: [usize; 256],
}

impl Histogram {
    fn new(label: &Path, ids: &[u8]) -> Self {
        let mut counts = [0; 256];
        ids.iter().for_each(|&id| counts[usize::from(id)] += 1);
        Self { label: label.into(), counts }
    }

    /// The largest id that occurs, and in how many pixels.
    fn largest_id(&self) -> (u8, usize) {
        let found = (0..=u8::MAX).rev().find(|&id| self.counts[usize::from(id)] > 0).unwrap_or(0);
        (found, self.counts[usize::from(found)])
    }

    /// Whether white is the only value beside the background's.
    fn is_black_and_white(&self) -> bool {
        let (white, black) = (self.counts[usize::from(WHITE)], self.counts[0]);
        white > 0 && white + black == self.counts.iter().sum::<usize>()
    }
}

/// A label's class ids as they are in the file.
fn read_label(entry: &Entry, picture_size: (usize, usize)) -> Result<(Vec<u8>, Histogram), DatasetError> {
    let label = picture::read_ids(&entry.label)?;
    let label_size = (label.width, label.height);
    if label_size != picture_size {
        let (picture, label) = (entry.picture.clone(), entry.label.clone());
        return Err(DatasetError::Sizes { picture, picture_size, label, label_size });
    }
    let histogram = Histogram::new(&entry.label, &label.ids);
    Ok((label.ids, histogram))
}

/// `None` where there is no description.
fn read_description(root: &Path) -> Result<Option<DatasetDescription>, DatasetError> {
    let path = root.join(DESCRIPTION);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|source| DatasetError::Io { path: path.clone(), source })?,
    };
    let description: DatasetDescription =
        serde_json::from_str(&text).map_err(|source| DatasetError::Description { path: path.clone(), source })?;
    let contradiction = |why: String| Err(DatasetError::Contradiction { path: path.clone(), why });
    let count = description.structures.len();
    if count == 0 || count > usize::from(u8::MAX) {
        return contradiction(format!("it names {count} structures; name 1 to 255"));
    }
    let mut seen = BTreeSet::new();
    for Structure { name, .. } in &description.structures {
        if !seen.insert(name.trim().to_lowercase()) {
            return contradiction(format!("two structures are called `{name}`; each needs a name of its own"));
        }
    }
    if let Some((name, spacing)) = description.spacing_mm.iter().find(|(_, mm)| !(mm.is_finite() && **mm > 0.0)) {
        return contradiction(format!("{name} has {spacing} mm a pixel; it must be more than 0, or left out"));
    }
    Ok(Some(description))
}

/// Structures named after the class ids that occur.
fn number_structures(root: &Path, labels: &[Histogram]) -> Result<Vec<Structure>, DatasetError> {
    let largest = labels.iter().max_by_key(|label| label.largest_id().0);
    let Some((label, (class_id, pixels))) = largest.map(|label| (label, label.largest_id())).filter(|(_, id)| id.0 > 0)
    else {
        return Err(DatasetError::NothingLabelled(root.into()));
    };
    let is_black_and_white = labels.iter().all(|label| label.is_black_and_white() || label.largest_id().0 == 0);
    let count = if is_black_and_white { 1 } else { class_id };
    if count > MAX_UNNAMED_STRUCTURES {
        return Err(DatasetError::UnlikelyClass { label: label.label.clone(), class_id, pixels });
    }
    let structures =
        (0..usize::from(count)).map(|i| Structure { name: format!("structure {}", i + 1), color: default_color(i) });
    Ok(structures.collect())
}
