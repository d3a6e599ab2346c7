//! Which pictures a split has, and the label of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DatasetError, Split};
use crate::dicom::{DicomFile, DicomKind, identify};
use crate::frame::Frame;
use crate::picture;

/// A picture and its label.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// As reports have it: the file's name, and the number of the frame where a file has several.
    pub name: String,
    pub picture: PathBuf,
    pub label: PathBuf,
    /// `None` of a PNG or JPEG file.
    dicom: Option<DicomFrame>,
}

#[derive(Debug, Clone)]
struct DicomFrame {
    /// Counted from 0.
    index: usize,
    /// Columns and rows.
    size: (usize, usize),
    /// Side of a pixel, where it is known and pixels are square.
    spacing_mm: Option<f32>,
}

/// Width over height of a pixel that is taken for a square.
const SQUARE: std::ops::RangeInclusive<f64> = 0.999..=1.001;

impl Entry {
    /// Columns and rows of the picture, without decoding it.
    pub fn size(&self) -> Result<(usize, usize), DatasetError> {
        match &self.dicom {
            Some(frame) => Ok(frame.size),
            None => Ok(picture::size(&self.picture)?),
        }
    }

    /// The picture.
    pub fn frame(&self) -> Result<Frame, DatasetError> {
        match &self.dicom {
            None => Ok(picture::read(&self.picture)?),
            Some(DicomFrame { index, .. }) => {
                let frame = open(&self.picture)?.frame(*index);
                frame.map_err(|source| DatasetError::Dicom { path: self.picture.clone(), source })
            }
        }
    }

    /// What the file says of its pixels' size.
    pub fn spacing_mm(&self) -> Option<f32> {
        self.dicom.as_ref()?.spacing_mm
    }
}

/// A split's pictures with their labels, sorted by name; none where there is no folder for the split. Frames of a DICOM file
/// with several need no label: those that have none are left out.
pub(super) fn list(root: &Path, split: Split) -> Result<Vec<Entry>, DatasetError> {
    let folder = root.join(split.to_string());
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let pictures = files(&folder.join("imgs"), is_picture_or_dicom)?;
    let mut labels = labels(&folder.join("gts"))?;
    let mut entries = Vec::new();
    let mut without_label = Vec::new();
    for (stem, path) in pictures {
        let name = name_of(&path);
        let before = entries.len();
        if is_picture(&path) {
            let label = labels.remove(&stem);
            entries.extend(label.map(|label| Entry { name: name.clone(), picture: path, label, dicom: None }));
        } else {
            let file = open(&path)?;
            let info = file.info();
            let spacing = info.common_spacing().filter(|spacing| SQUARE.contains(&(spacing.x_mm / spacing.y_mm)));
            for index in 0..info.frames {
                let is_single = info.frames == 1;
                let number = format!("{:04}", index + 1);
                let label = labels.remove(&if is_single { stem.clone() } else { format!("{stem}/{number}") });
                let size = (info.width, info.height);
                entries.extend(label.map(|label| Entry {
                    name: if is_single { name.clone() } else { format!("{name}/{number}") },
                    picture: path.clone(),
                    label,
                    dicom: Some(DicomFrame { index, size, spacing_mm: spacing.map(|spacing| spacing.x_mm as f32) }),
                }));
            }
        }
        if entries.len() == before {
            without_label.push(name);
        }
    }
    if !without_label.is_empty() || !labels.is_empty() {
        let gts = folder.join("gts");
        let place = |path: PathBuf| path.strip_prefix(&gts).unwrap_or(&path).display().to_string();
        let without_picture = labels.into_values().map(place).collect();
        return Err(DatasetError::Unpaired { folder, without_label, without_picture });
    }
    Ok(entries)
}

fn open(path: &Path) -> Result<DicomFile, DatasetError> {
    let bytes = std::fs::read(path).map_err(|source| DatasetError::Io { path: path.into(), source })?;
    DicomFile::open(bytes).map_err(|source| DatasetError::Dicom { path: path.into(), source })
}

/// The labels by their pictures' stems; those of frames in a folder `STEM` are `STEM/NUMBER`.
fn labels(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DatasetError> {
    let mut labels = listed(folder, is_picture)?;
    let io = |source| DatasetError::Io { path: folder.into(), source };
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_dir() {
            let frames = listed(&path, is_picture)?;
            labels.extend(frames.into_iter().map(|(number, label)| (format!("{}/{number}", name_of(&path)), label)));
        }
    }
    if labels.is_empty() { Err(DatasetError::Empty(folder.into())) } else { Ok(labels) }
}

/// The files of a folder by their names without extension; at least one.
fn files(folder: &Path, is_wanted: fn(&Path) -> bool) -> Result<BTreeMap<String, PathBuf>, DatasetError> {
    let files = listed(folder, is_wanted)?;
    if files.is_empty() { Err(DatasetError::Empty(folder.into())) } else { Ok(files) }
}

fn listed(folder: &Path, is_wanted: fn(&Path) -> bool) -> Result<BTreeMap<String, PathBuf>, DatasetError> {
    if !folder.is_dir() {
        return Err(DatasetError::MissingFolder(folder.into()));
    }
    let io = |source| DatasetError::Io { path: folder.into(), source };
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if name_of(&path).starts_with('.') || path.is_dir() || !is_wanted(&path) {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let second = name_of(&path);
        if let Some(first) = files.insert(stem, path) {
            return Err(DatasetError::SameName { folder: folder.into(), first: name_of(&first), second });
        }
    }
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    ["png", "jpg", "jpeg"].contains(&extension.as_str())
}

/// DICOM files often have no extension: their first bytes tell.
fn is_picture_or_dicom(path: &Path) -> bool {
    const HEAD: u64 = 1 << 16;
    is_picture(path) || {
        let mut head = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, HEAD), &mut head));
        read.is_ok() && identify(&head) == Some(DicomKind::Picture)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
