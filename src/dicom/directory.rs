//! The directory of a disc: a file DICOMDIR that lists the others (PS3.3 annex F, PS3.10 section 8).

use dicom_dictionary_std::tags;
use serde::Serialize;

use super::attributes::{integer, items, text, texts};
use super::data_set::DataSet;
use super::layout::Layout;
use super::{DicomError, DicomKind, identify};

/// An image that a directory lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DirectoryEntry {
    /// The file, from the directory's folder on, with `/` between the parts, as the directory spells it; a disc's file system
    /// may spell it in other letters, capital or small.
    pub path: String,
    /// The kind of device of its series: US for ultrasound.
    pub modality: Option<String>,
    /// What its series shows.
    pub series: Option<String>,
    /// How many frames it has, where the directory says so.
    pub frames: Option<usize>,
}

/// The images of a DICOMDIR, in its order.
///
/// # Errors
/// [`DicomError`] where it is not one, or is damaged.
pub fn directory(bytes: &[u8]) -> Result<Vec<DirectoryEntry>, DicomError> {
    const IN_USE: i64 = 0xFFFF;
    let layout = Layout::of(bytes)?;
    let object = DataSet::read(bytes, layout.data_set, layout.encoding, tags::PIXEL_DATA)?.object;
    if identify(bytes) != Some(DicomKind::Directory) {
        return Err(DicomError::AttributeMissing { name: "DirectoryRecordSequence" });
    }
    let (mut modality, mut series) = (None, None);
    let mut entries = Vec::new();
    for record in items(&object, tags::DIRECTORY_RECORD_SEQUENCE) {
        if integer(record, tags::RECORD_IN_USE_FLAG).is_some_and(|flag| flag != IN_USE) {
            continue;
        }
        match text(record, tags::DIRECTORY_RECORD_TYPE).as_deref() {
            Some("SERIES") => {
                (modality, series) = (text(record, tags::MODALITY), text(record, tags::SERIES_DESCRIPTION));
            }
            Some("IMAGE") => {
                let parts = texts(record, tags::REFERENCED_FILE_ID);
                let parts: Vec<_> = parts.into_iter().filter(|part| !matches!(&part[..], "" | "." | "..")).collect();
                if !parts.is_empty() {
                    let frames =
                        integer(record, tags::NUMBER_OF_FRAMES).and_then(|frames| usize::try_from(frames).ok());
                    let path = parts.join("/");
                    entries.push(DirectoryEntry { path, modality: modality.clone(), series: series.clone(), frames });
                }
            }
            _ => {}
        }
    }
    Ok(entries)
}
