//! The prompts of `sam2rad track`: where each structure is followed from.

use sam2rad::model::PointLabel;
use sam2rad::picture;
use sam2rad::postprocess::ClassMap;
use sam2rad::segmenter::{FramePoint, StructurePrompts};
use sam2rad::structure::Structure;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use super::frames::Frames;
use super::prompts::number_of;

/// What is said of one structure on a frame.
pub enum Said {
    /// Points, a box or both.
    Prompts(StructurePrompts),
    /// Its mask is that of the map.
    Mask(ClassMap),
}

/// What is said, by frame and structure.
pub struct Prompts(BTreeMap<usize, Vec<(usize, Said)>>);

/// An entry of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    frame: usize,
    structure: Option<NameOrNumber>,
    #[serde(rename = "box")]
    bounding_box: Option<[f32; 4]>,
    #[serde(default)]
    points: Vec<(f32, f32, Side)>,
    mask: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NameOrNumber {
    Name(String),
    Number(usize),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Inside,
    Outside,
}

impl Prompts {
    /// Reads a file; masks are beside it.
    pub fn read(path: &Path, structures: &[Structure], frames: &Frames) -> Result<Self, Box<dyn Error>> {
        let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read(path).map_err(|error| of_file(&error))?;
        let entries: Vec<Entry> = serde_json::from_slice(&text).map_err(|error| of_file(&error))?;
        if entries.is_empty() {
            return Err(of_file(&"there is no prompt in it").into());
        }
        let mut all = Self(BTreeMap::new());
        for entry in entries {
            let at = entry.frame;
            if at >= frames.count() {
                let count = frames.count();
                return Err(of_file(&format!("there is no frame {at}: there are {count}, counted from 0")).into());
            }
            let structure = match &entry.structure {
                None if structures.len() == 1 => 0,
                None => return Err(of_file(&"the model has several structures: say which one is meant").into()),
                Some(NameOrNumber::Name(name)) => number_of(name, structures)?,
                Some(NameOrNumber::Number(number)) => number_of(&number.to_string(), structures)?,
            };
            let said = entry.said(structure, path).map_err(|error| of_file(&format!("frame {at}: {error}")))?;
            let on_frame = all.0.entry(at).or_default();
            if on_frame.iter().any(|(known, _)| *known == structure) {
                return Err(of_file(&format!("frame {at} has two entries for one structure: put them together")).into());
            }
            on_frame.push((structure, said));
        }
        Ok(all)
    }

    /// Masks on frames, `(frame, structure, map)`.
    pub fn of_masks(masks: impl Iterator<Item = (usize, usize, ClassMap)>) -> Self {
        let mut all = BTreeMap::<usize, Vec<_>>::new();
        masks.for_each(|(at, structure, map)| all.entry(at).or_default().push((structure, Said::Mask(map))));
        Self(all)
    }

    /// What is said on a frame.
    pub fn on(&self, at: usize) -> impl Iterator<Item = (usize, &Said)> {
        self.0.get(&at).into_iter().flatten().map(|(structure, said)| (*structure, said))
    }

    /// The first frame on which anything is said of each structure.
    pub fn starts(&self) -> BTreeMap<usize, usize> {
        let mut starts = BTreeMap::new();
        for (at, said) in &self.0 {
            said.iter().for_each(|(structure, _)| _ = starts.entry(*structure).or_insert(*at));
        }
        starts
    }
}

impl Entry {
    fn said(self, structure: usize, path: &Path) -> Result<Said, Box<dyn Error>> {
        let label = |side| match side {
            Side::Inside => PointLabel::Inside,
            Side::Outside => PointLabel::Outside,
        };
        let points: Vec<_> = self.points.iter().map(|&(x, y, side)| FramePoint { x, y, label: label(side) }).collect();
        let has_prompts = !points.is_empty() || self.bounding_box.is_some();
        match self.mask {
            Some(_) if has_prompts => Err("a mask is the whole answer: leave points and box out".into()),
            Some(mask) => {
                let ids = picture::read_ids(&path.parent().unwrap_or(Path::new("")).join(mask))?;
                Ok(Said::Mask(ClassMap::from_labels(ids.width, ids.ids, structure + 1)))
            }
            None if !has_prompts => Err("there is neither box nor point nor mask".into()),
            None => Ok(Said::Prompts(StructurePrompts {
                structure,
                points,
                bounding_box: self.bounding_box,
                ..StructurePrompts::default()
            })),
        }
    }
}
