//! Class maps to a DICOM segmentation object (PS3.3 section A.51), a binary one with a frame for each structure in each frame
//! of the source where it has pixels; and back.

mod color;
mod object;
mod read;
mod source;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(super) use self::source::Source;

use self::source::Lossy;

use super::{DicomError, DicomFile, DicomNote};

/// Most structures of a request: class ids are bytes, and 0 is the background.
const MAX_STRUCTURES: usize = 255;

/// What is taken home of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentationRequest {
    /// The segmented frames, in any order, each once.
    pub frames: Vec<SegmentedFrame>,
    /// In the order of the class ids.
    pub structures: Vec<SegmentedStructure>,
    /// The model's name, as its card has it.
    pub model: String,
    /// What the model was trained on, as its card has it; empty where it does not say.
    pub training_data: String,
}

/// One frame's masks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentedFrame {
    /// Which frame of the source, counted from 0.
    pub index: usize,
    /// `[height, width]` of the source, 0 for the background, structure + 1 elsewhere.
    pub class_ids: Vec<u8>,
}

/// One structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentedStructure {
    /// As the reader calls it.
    pub name: String,
    /// Red, green, blue (sRGB).
    pub color: [u8; 3],
    /// Who drew it.
    pub algorithm: SegmentAlgorithm,
}

/// What a segmentation object holds for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentationMasks {
    /// In the order of the class ids.
    pub structures: Vec<SegmentedSegment>,
    /// The frames that have masks.
    pub frames: Vec<SegmentedFrame>,
    /// How the masks differ from what was stored.
    pub notes: Vec<DicomNote>,
}

/// A segment, as its object describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentedSegment {
    /// Its label.
    pub name: String,
    /// Red, green, blue (sRGB), where the object recommends a colour.
    pub color: Option<[u8; 3]>,
    /// Who drew it.
    pub algorithm: SegmentAlgorithm,
}

/// Why a segmentation object cannot be taken for a file's masks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationReadError {
    /// It cannot be read.
    #[error(transparent)]
    Dicom(#[from] DicomError),
    /// Another kind of object.
    #[error("this DICOM file is not a segmentation")]
    NotASegmentation,
    /// No frame of it refers to the file.
    #[error("the segmentation was made for other pictures than these; open the file that it was made for")]
    OtherSource,
    /// Masks of another size than the file's pictures.
    #[error(
        "the segmentation has {} x {} pixels, the pictures {} x {}", .found.0, .found.1, .expected.0, .expected.1
    )]
    Size {
        /// Columns and rows of the segmentation.
        found: (usize, usize),
        /// Columns and rows of the pictures.
        expected: (usize, usize),
    },
    /// More segments than class ids, or none.
    #[error("the segmentation has {0} segments; 1 to {MAX_STRUCTURES} can be taken")]
    Segments(usize),
    /// A frame of no known segment.
    #[error("frame {index} (counted from 0) of the segmentation does not say which segment it shows")]
    Segment {
        /// Which.
        index: usize,
    },
}

/// Segment Algorithm Type (0062,0008).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentAlgorithm {
    /// The model alone, without a person.
    Automatic,
    /// The model, with a person's prompts or corrections.
    Semiautomatic,
    /// A person.
    Manual,
}

/// What makes one object different from any other: given from outside, so that the same call gives the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Creation {
    /// Seconds since 1970, UTC.
    pub unix_seconds: i64,
    /// Random bytes that no other object has; its unique identifiers are made of them.
    pub random: [u8; 16],
}

/// Why there is no segmentation object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationError {
    /// No pixel belongs to any structure.
    #[error("no structure was found in the segmented frames, so there is nothing to export; segment a frame first")]
    Empty,
    /// More structures than class ids, or none.
    #[error("there are {0} structures; a segmentation has 1 to {MAX_STRUCTURES}")]
    Structures(usize),
    /// A frame that the file does not have.
    #[error("frame {index} (counted from 0) was segmented, but the file has {frames}")]
    NoFrame {
        /// Which.
        index: usize,
        /// How many the file has.
        frames: usize,
    },
    /// The same frame with two masks.
    #[error("frame {0} (counted from 0) was given twice")]
    Twice(usize),
    /// A mask of another size than the frame.
    #[error("the mask of frame {index} has {found} pixels, the frame {width} x {height}")]
    Size {
        /// Which frame.
        index: usize,
        /// Pixels of the mask.
        found: usize,
        /// Columns of the frame.
        width: usize,
        /// Rows of the frame.
        height: usize,
    },
    /// A class id that no structure has.
    #[error("the mask of frame {index} has the class {class_id}, but there are {structures} structures")]
    Class {
        /// Which frame.
        index: usize,
        /// The class id.
        class_id: u8,
        /// How many structures there are.
        structures: usize,
    },
    /// The object would have nothing to refer to.
    #[error("the file does not have {0}, which a segmentation must refer to")]
    SourceUnidentified(&'static str),
    /// More bits than a file's pixel data can have.
    #[error("the masks take {bytes} bytes, and a DICOM file holds 4 GB of them; export fewer frames at a time")]
    TooLarge {
        /// How many bytes.
        bytes: u64,
    },
    /// The object could not be written.
    #[error("the segmentation object could not be written: {0}")]
    Write(String),
}

/// A frame of the segmentation object: where one structure is in one frame of the source.
struct Mask<'a> {
    structure: usize,
    source_frame: usize,
    class_ids: &'a [u8],
}

impl DicomFile {
    /// A segmentation object (SOP class 1.2.840.10008.5.1.4.1.1.66.4), the bytes of a file in explicit VR little endian,
    /// that refers to this file and belongs to its study.
    ///
    /// # Errors
    /// [`SegmentationError`].
    pub fn segmentation(
        &self,
        request: &SegmentationRequest,
        creation: &Creation,
    ) -> Result<Vec<u8>, SegmentationError> {
        let masks = self.masks_of(request)?;
        let pixel_data = pack(&masks, self.info.width * self.info.height)?;
        let lossy = Lossy::of(&self.source, self.info.lossy, &self.frames, &self.format);
        object::write(&self.source, &self.info, &lossy, request, &masks, pixel_data, creation)
    }

    /// The masks that have pixels, by structure, then by source frame.
    fn masks_of<'a>(&self, request: &'a SegmentationRequest) -> Result<Vec<Mask<'a>>, SegmentationError> {
        let structures = request.structures.len();
        if !(1..=MAX_STRUCTURES).contains(&structures) {
            return Err(SegmentationError::Structures(structures));
        }
        let (width, height) = (self.info.width, self.info.height);
        let mut frames = BTreeMap::new();
        for SegmentedFrame { index, class_ids } in &request.frames {
            let (index, found) = (*index, class_ids.len());
            if index >= self.info.frames {
                return Err(SegmentationError::NoFrame { index, frames: self.info.frames });
            }
            if found != width * height {
                return Err(SegmentationError::Size { index, found, width, height });
            }
            let mut has = [false; 256];
            class_ids.iter().for_each(|&class_id| has[usize::from(class_id)] = true);
            if let Some(class_id) = (structures + 1..256).find(|&class_id| has[class_id]) {
                return Err(SegmentationError::Class { index, class_id: class_id as u8, structures });
            }
            if frames.insert(index, (class_ids, has)).is_some() {
                return Err(SegmentationError::Twice(index));
            }
        }
        let masks: Vec<_> = (0..structures)
            .flat_map(|structure| {
                let there = frames.iter().filter(move |(_, (_, has))| has[structure + 1]);
                there.map(move |(&source_frame, (class_ids, _))| Mask { structure, source_frame, class_ids })
            })
            .collect();
        if masks.is_empty() { Err(SegmentationError::Empty) } else { Ok(masks) }
    }
}

/// One bit a pixel, the first in the lowest bit, frames without gaps between them, filled up to an even number of bytes
/// (PS3.5 section 8.1.1, annex D).
fn pack(masks: &[Mask], pixels: usize) -> Result<Vec<u8>, SegmentationError> {
    // A length of this value stands for "up to a delimiter", and 32 bits are all that it has.
    const LIMIT: u64 = u32::MAX as u64;
    let length = (masks.len() as u64 * pixels as u64).div_ceil(16) * 2;
    let too_large = || SegmentationError::TooLarge { bytes: length };
    let mut bytes = vec![0u8; usize::try_from(length).ok().filter(|_| length < LIMIT).ok_or_else(too_large)?];
    for (frame, mask) in masks.iter().enumerate() {
        let wanted = mask.structure + 1;
        let first = frame as u64 * pixels as u64;
        for (pixel, &class_id) in mask.class_ids.iter().enumerate() {
            if usize::from(class_id) == wanted {
                let bit = first + pixel as u64;
                bytes[(bit / 8) as usize] |= 1 << (bit % 8);
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_packed_without_gaps() {
        let mask = |structure, class_ids| Mask { structure, source_frame: 0, class_ids };
        let packed = pack(&[mask(0, &[1, 0, 2]), mask(1, &[1, 0, 2]), mask(0, &[1, 1, 1])], 3).unwrap();
        assert_eq!(packed, [0b1110_0001, 0b1]);
    }

    #[test]
    fn more_bits_than_a_file_can_hold_are_refused() {
        let masks: Vec<_> = (0..600).map(|source_frame| Mask { structure: 0, source_frame, class_ids: &[] }).collect();
        let error = pack(&masks, 1 << 26).unwrap_err();
        assert_eq!(error, SegmentationError::TooLarge { bytes: 600 << 23 });
    }
}
