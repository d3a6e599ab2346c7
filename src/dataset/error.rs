//! What can be wrong with a dataset.

use std::path::PathBuf;

use super::{MAX_UNNAMED_STRUCTURES, Split};
use crate::dicom::DicomError;
use crate::picture::PictureError;

/// Why a dataset could not be opened or read, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The operating system refused it.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Neither split is there.
    #[error(
        "{0}: there is no folder Train and no folder Test in it; put pictures into {0}/Train/imgs and their labels, of the \
         same names, into {0}/Train/gts"
    )]
    NoSplit(PathBuf),
    /// The split that is needed is not there.
    #[error("{root}: there is no folder {split} with imgs and gts in it; make it, or choose the other split")]
    MissingSplit {
        /// The dataset.
        root: PathBuf,
        /// The missing one.
        split: Split,
    },
    /// A split without its pictures or its labels.
    #[error("{0}: there is no such folder; a split has pictures in imgs and labels of the same names in gts")]
    MissingFolder(PathBuf),
    /// A split with nothing in it.
    #[error("{0}: there is no PNG, JPEG or DICOM picture in this folder")]
    Empty(PathBuf),
    /// Two files where one is meant.
    #[error("{folder}: {first} and {second} have the same name; remove or rename one of them")]
    SameName {
        /// Where they are.
        folder: PathBuf,
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// Pictures or labels that are alone.
    #[error("{folder}: {}; add what is missing, or take the others away", alone(.without_label, .without_picture))]
    Unpaired {
        /// The split's folder.
        folder: PathBuf,
        /// Pictures without a label.
        without_label: Vec<String>,
        /// Labels without a picture.
        without_picture: Vec<String>,
    },
    /// A picture or label that cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A DICOM file that cannot be read.
    #[error("{path}: {source}")]
    Dicom {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: DicomError,
    },
    /// A label that is another picture's.
    #[error(
        "{picture} has {} x {} pixels, its label {label} {} x {}; they must be of one size",
        .picture_size.0, .picture_size.1, .label_size.0, .label_size.1
    )]
    Sizes {
        /// The picture.
        picture: PathBuf,
        /// Its columns and rows.
        picture_size: (usize, usize),
        /// Its label.
        label: PathBuf,
        /// The label's columns and rows.
        label_size: (usize, usize),
    },
    /// A class id that stands for nothing.
    #[error(
        "{label}: {pixels} pixels have the class id {class_id}, which no structure has; known are 0 (background){}; correct \
         the label, or add the structure to dataset.json", known(.structures)
    )]
    UnknownClass {
        /// The label.
        label: PathBuf,
        /// The id.
        class_id: u8,
        /// How many pixels have it.
        pixels: usize,
        /// Names of the structures, that of id 1 first.
        structures: Vec<String>,
    },
    /// Grey values that do not look like class ids, and no description.
    #[error(
        "{label}: {pixels} pixels have the grey value {class_id}; without a dataset.json only the class ids 1 to \
         {MAX_UNNAMED_STRUCTURES} are believed, or 255 alone for one structure; save class ids as grey values",
        MAX_UNNAMED_STRUCTURES = MAX_UNNAMED_STRUCTURES
    )]
    UnlikelyClass {
        /// The label.
        label: PathBuf,
        /// The largest value.
        class_id: u8,
        /// How many pixels have it.
        pixels: usize,
    },
    /// No structure anywhere.
    #[error("{0}: every label is empty, so there is nothing to segment; draw structures, or name them in dataset.json")]
    NothingLabelled(PathBuf),
    /// The description is not JSON, or not this kind.
    #[error(
        "{path}: {source}; it must look like {{\"structures\": [{{\"name\": \"radius\", \"color\": [230, 159, 0]}}], \
         \"spacing_mm\": {{\"a.png\": 0.1}}, \"provenance\": \"...\"}}"
    )]
    Description {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
    /// The description says something impossible.
    #[error("{path}: {why}")]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// Names beyond this many are counted instead.
const NAMES_SHOWN: usize = 5;

fn names(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn alone(without_label: &[String], without_picture: &[String]) -> String {
    let parts = [("no label in gts for", without_label), ("no picture in imgs for", without_picture)];
    let parts = parts.iter().filter(|(_, files)| !files.is_empty());
    parts.map(|(what, files)| format!("{what} {}", names(files))).collect::<Vec<_>>().join("; ")
}

/// `, 1 (radius), 2 (lunate)`.
fn known(structures: &[String]) -> String {
    structures.iter().zip(1..).map(|(name, id)| format!(", {id} ({name})")).collect()
}
