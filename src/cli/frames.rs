//! The frames of a cine: a folder of pictures, or a DICOM file.

use sam2rad::dicom::DicomFile;
use sam2rad::frame::Frame;
use std::error::Error;
use std::path::{Path, PathBuf};

use super::{inputs, picture};

/// Frames that are read when they are asked for.
pub enum Frames {
    /// Pictures in the order of their names.
    Pictures(Vec<PathBuf>),
    /// A file of many frames.
    Dicom(Box<DicomFile>),
}

impl Frames {
    /// Opens a folder or a file.
    pub fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        if path.is_dir() {
            return Ok(Self::Pictures(inputs::pictures(path)?));
        }
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file = DicomFile::open(bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self::Dicom(Box::new(file)))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Pictures(paths) => paths.len(),
            Self::Dicom(file) => file.info().frames,
        }
    }

    /// The name of what is written of a frame, counted from 0.
    pub fn name(&self, at: usize) -> String {
        match self {
            Self::Pictures(paths) => paths[at].file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Dicom(_) => format!("frame_{at:04}"),
        }
    }

    /// Decodes a frame, counted from 0.
    pub fn read(&self, at: usize) -> Result<Frame, Box<dyn Error>> {
        match self {
            Self::Pictures(paths) => Ok(picture::read(&paths[at])?),
            Self::Dicom(file) => Ok(file.frame(at)?),
        }
    }
}
