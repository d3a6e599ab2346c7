//! `sam2rad phantom`.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use sam2rad::dataset::{DatasetDescription, Split};
use sam2rad::phantom::{Phantom, Preset, Ranges};
use sam2rad::structure::Structure;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use super::{choice::one_of, cine, picture};

/// Simulate labelled ultrasound pictures, or a cine of a moving probe.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct PhantomCommand {
    /// What is scanned
    #[arg(long, value_parser = one_of(&Preset::ALL, Preset::name))]
    preset: Preset,
    /// How many pictures, of seeds SEED, SEED + 1, ...
    #[arg(long, default_value_t = 100, conflicts_with = "sweep")]
    count: usize,
    /// The first seed; a seed always gives the same picture
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of the data set; made if it is not there, added to if it is. No picture is replaced
    #[arg(long)]
    out: PathBuf,
    /// Which part of the data set is written
    #[arg(long, default_value_t = Split::Train)]
    split: Split,
    /// Whose machines: `shifted` are none that models are trained on
    #[arg(long, value_parser = one_of(&Ranges::ALL, Ranges::name), default_value = "standard")]
    ranges: Ranges,
    /// One anatomy under a moving probe, in the order of time
    #[arg(long)]
    sweep: bool,
    /// Frames of the sweep
    #[arg(long, default_value_t = 120, requires = "sweep")]
    frames: usize,
    /// Write the sweep as a .cine file too, which the page plays
    #[arg(long, requires = "sweep")]
    cine: Option<PathBuf>,
}

/// Time between the frames of a cine.
const FRAME_TIME_MS: f32 = 50.0;

const EXAMPLES: &str =
    "Writes OUT/SPLIT/imgs/NNNNN.png (grey), OUT/SPLIT/gts/NNNNN.png (0 background, 1 and 2 the structures) and
OUT/dataset.json (names, colours, pixel spacing in mm). Pictures are named by their seed; a sweep's by its frame.

Examples:
  A training set and a test set of other seeds:
      sam2rad phantom --preset hip --count 2000 --seed 0 --out hip
      sam2rad phantom --preset hip --count 200 --seed 100000 --split Test --out hip
  Pictures of machines that no model was trained on:
      sam2rad phantom --preset hip --count 200 --seed 100000 --split Test --ranges shifted --out hip_shifted
  A cine:
      sam2rad phantom --preset shoulder --sweep --frames 120 --seed 7 --out shoulder_sweep --cine shoulder.cine";

/// Why a data set was not written.
#[derive(Debug, thiserror::Error)]
enum PhantomError {
    #[error("{0} is already there and would be replaced; choose another folder with --out, or other seeds with --seed")]
    Exists(PathBuf),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}: it is not a data set's description ({source}); write to another folder with --out")]
    Description { path: PathBuf, source: serde_json::Error },
    #[error("{path}: it is a data set of {found}, not of {wanted}; write to another folder with --out")]
    OtherStructures { path: PathBuf, found: String, wanted: String },
    #[error("seed {seed} and {count} pictures go beyond the largest seed; begin with a smaller --seed")]
    Seeds { seed: u64, count: usize },
    #[error("{path}: the cine cannot be written: {source}")]
    Cine { path: PathBuf, source: image::ImageError },
    #[error(transparent)]
    Picture(#[from] picture::PictureError),
}

impl PhantomCommand {
    /// Writes the pictures.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let folder = self.out.join(self.split.to_string());
        let description = self.out.join("dataset.json");
        let mut dataset = self.open(&description)?;
        self.keep(&folder)?;
        for kind in ["imgs", "gts"] {
            let path = folder.join(kind);
            std::fs::create_dir_all(&path).map_err(|source| PhantomError::Io { path, source })?;
        }

        let count = if self.sweep { self.frames } else { self.count };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} pictures, {eta} left")?;
        let progress = ProgressBar::new(count as u64).with_style(style);
        let spacings: Vec<(String, f32)> = if self.sweep {
            let sweep = self.preset.sweep(self.ranges, self.seed, self.frames);
            let phantoms: Vec<_> = sweep.inspect(|_| progress.inc(1)).collect();
            if let (Some(path), Some(first)) = (&self.cine, phantoms.first()) {
                let frames: Vec<_> = phantoms.iter().map(|phantom| phantom.frame.clone()).collect();
                cine::write(path, &frames, FRAME_TIME_MS, first.pixel_spacing_mm)
                    .map_err(|source| PhantomError::Cine { path: path.clone(), source })?;
            }
            let named = phantoms.into_iter().enumerate();
            named.map(|(i, phantom)| write(&folder, format!("{i:05}.png"), phantom)).collect::<Result<_, _>>()?
        } else {
            let last = self.seed.checked_add(count as u64);
            let last = last.ok_or(PhantomError::Seeds { seed: self.seed, count })?;
            let written = (self.seed..last).into_par_iter().map(|seed| {
                let phantom = self.preset.simulate(self.ranges, seed);
                progress.inc(1);
                write(&folder, format!("{seed:05}.png"), phantom)
            });
            written.collect::<Result<_, _>>()?
        };
        progress.finish_and_clear();
        // A seed may be in both splits, with another machine.
        dataset.spacing_mm.extend(spacings.into_iter().map(|(name, mm)| (format!("{}/{name}", self.split), mm)));
        let text = serde_json::to_string_pretty(&dataset)?;
        std::fs::write(&description, text).map_err(|source| PhantomError::Io { path: description, source })?;
        println!("{count} pictures written to {}", folder.display());
        Ok(())
    }

    /// Refuses pictures and a cine that are there.
    fn keep(&self, folder: &Path) -> Result<(), PhantomError> {
        let (first, count) = if self.sweep { (0, self.frames) } else { (self.seed, self.count) };
        let names = (first..).take(count).map(|number| format!("{number:05}.png"));
        let pictures = names.flat_map(|name| ["imgs", "gts"].map(|kind| folder.join(kind).join(&name)));
        match pictures.chain(self.cine.clone()).find(|path| path.exists()) {
            Some(path) => Err(PhantomError::Exists(path)),
            None => Ok(()),
        }
    }

    /// The data set's description with this part's provenance, as far as it is known before pictures are written.
    fn open(&self, path: &Path) -> Result<DatasetDescription, PhantomError> {
        let structures = self.preset.structures().to_vec();
        let part = format!(
            "{}: {} of {}, {} ranges, {}",
            self.split,
            if self.sweep { "a sweep" } else { "pictures" },
            self.preset.name(),
            self.ranges.name(),
            if self.sweep { format!("seed {}", self.seed) } else { format!("{} seeds from {}", self.count, self.seed) },
        );
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let provenance = format!("simulated by sam2rad phantom; {part}");
                return Ok(DatasetDescription { structures, spacing_mm: BTreeMap::new(), provenance });
            }
            Err(source) => return Err(PhantomError::Io { path: path.into(), source }),
        };
        let mut found: DatasetDescription =
            serde_json::from_str(&text).map_err(|source| PhantomError::Description { path: path.into(), source })?;
        if found.structures != structures {
            let names = |structures: &[Structure]| {
                structures.iter().map(|structure| structure.name.as_str()).collect::<Vec<_>>().join(", ")
            };
            let (found, wanted) = (names(&found.structures), names(&structures));
            return Err(PhantomError::OtherStructures { path: path.into(), found, wanted });
        }
        if !found.provenance.contains(&part) {
            found.provenance = format!("{}; {part}", found.provenance);
        }
        Ok(found)
    }
}

/// Writes a picture and its labels; gives its name and the side of its pixels in mm.
fn write(folder: &Path, name: String, phantom: Phantom) -> Result<(String, f32), PhantomError> {
    let Phantom { frame, class_ids, pixel_spacing_mm, .. } = phantom;
    let grey: Vec<u8> = frame.rgb().iter().step_by(3).copied().collect();
    picture::write_ids(&folder.join("imgs").join(&name), frame.width(), frame.height(), grey)?;
    picture::write_ids(&folder.join("gts").join(&name), frame.width(), frame.height(), class_ids)?;
    Ok((name, pixel_spacing_mm))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(out: &Path, preset: Preset, split: Split, seed: u64) -> PhantomCommand {
        let ranges = Ranges::Standard;
        PhantomCommand { preset, count: 2, seed, out: out.into(), split, ranges, sweep: false, frames: 0, cine: None }
    }

    fn spacings(out: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(out.join("dataset.json")).unwrap();
        serde_json::from_str::<DatasetDescription>(&text).unwrap().spacing_mm.into_keys().collect()
    }

    #[test]
    fn a_second_split_is_added_to_the_description() {
        let out = tempfile::tempdir().unwrap();
        command(out.path(), Preset::Wrist, Split::Train, 0).run().unwrap();
        command(out.path(), Preset::Wrist, Split::Test, 0).run().unwrap();
        let names = ["Test/00000.png", "Test/00001.png", "Train/00000.png", "Train/00001.png"];
        assert_eq!(spacings(out.path()), names);
        for file in ["Train/imgs/00001.png", "Train/gts/00001.png", "Test/imgs/00000.png", "Test/gts/00001.png"] {
            assert!(out.path().join(file).is_file(), "{file}");
        }
    }

    #[test]
    fn a_picture_that_is_there_is_not_replaced() {
        let out = tempfile::tempdir().unwrap();
        command(out.path(), Preset::Wrist, Split::Train, 0).run().unwrap();
        let before = std::fs::read(out.path().join("dataset.json")).unwrap();
        let error = command(out.path(), Preset::Wrist, Split::Train, 1).run().unwrap_err().to_string();
        assert!(error.contains("Train/imgs/00001.png") && error.contains("--seed"), "{error}");
        assert!(!out.path().join("Train/imgs/00002.png").exists());
        assert_eq!(std::fs::read(out.path().join("dataset.json")).unwrap(), before);
    }

    #[test]
    fn another_preset_is_not_mixed_into_a_data_set() {
        let out = tempfile::tempdir().unwrap();
        command(out.path(), Preset::Wrist, Split::Train, 0).run().unwrap();
        let error = command(out.path(), Preset::Hip, Split::Train, 9).run().unwrap_err().to_string();
        assert!(error.contains("data set of radius, carpal bones, not of ilium, femoral head"), "{error}");
        assert_eq!(spacings(out.path()).len(), 2);
    }
}
