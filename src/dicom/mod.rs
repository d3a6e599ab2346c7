//! DICOM files: pictures and cines in, segmentation objects out and in.
//!
//! A file's bytes are kept as they are, and a frame is decoded when it is asked for: `layout` finds the parts, `data_set`
//! reads the attributes, `frames` knows where each frame lies, `pixel_format`, `display`, `grey` and `palette` how pixels are
//! stored and shown, `codec` undoes the compression. `info` is what the page tells of a file, `segmentation` what it takes
//! home, `directory` what lies on a disc.

mod attributes;
mod codec;
mod codestream;
mod data_set;
mod directory;
mod display;
mod frames;
mod grey;
mod info;
mod layout;
mod notes;
mod palette;
mod pixel_format;
mod regions;
mod segmentation;
mod text;
mod timing;

use std::sync::OnceLock;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use serde::Serialize;

pub use self::directory::{DirectoryEntry, directory};
pub use self::grey::GreyWindow;
pub use self::info::{DicomInfo, TransferSyntaxName};
pub use self::notes::DicomNote;
pub use self::regions::{AxisUnit, DataType, PixelSpacing, RegionAxis, SpacingSource, SpatialFormat, UltrasoundRegion};
pub use self::segmentation::{
    Creation, SegmentAlgorithm, SegmentationError, SegmentationMasks, SegmentationReadError, SegmentationRequest,
    SegmentedFrame, SegmentedSegment, SegmentedStructure,
};

use self::attributes::{integer, text};
use self::codec::Samples;
use self::data_set::DataSet;
use self::display::Display;
use self::frames::Frames;
use self::layout::Layout;
use self::pixel_format::PixelFormat;
use self::segmentation::Source;
use crate::frame::{Frame, FrameError};

/// Why a DICOM file, or a frame of it, cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    /// The bytes are of another kind of file.
    #[error("this is not a DICOM file: {found}")]
    NotDicom {
        /// What it is instead.
        found: &'static str,
    },
    /// A report, a structure set, ...
    #[error("this DICOM file holds no pictures")]
    NoPixelData,
    /// The list of the files on a disc.
    #[error(
        "this is the directory of a disc (DICOMDIR); open the folder that it lies in, or one of the files beside it"
    )]
    Directory,
    /// Masks of another file's pictures.
    #[error("this is a segmentation; open the pictures that it was made for first")]
    Segmentation,
    /// The pictures are written in a way that this crate does not read.
    #[error("its transfer syntax {uid} ({name}) is not supported; export it uncompressed, as JPEG or as JPEG 2000")]
    TransferSyntax {
        /// Its unique identifier.
        uid: String,
        /// Its name, where the standard has one.
        name: String,
    },
    /// The data set cannot be walked through.
    #[error("its data set is damaged: {reason}")]
    Damaged {
        /// What is wrong, and where.
        reason: String,
    },
    /// The file ends before the pictures begin.
    #[error("the file ends within the element {tag} at byte {at}; it was not copied completely")]
    Truncated {
        /// The element.
        tag: Tag,
        /// The value's first byte.
        at: usize,
    },
    /// Nothing can be shown without this attribute.
    #[error("its attribute {name} is missing or empty")]
    AttributeMissing {
        /// The attribute's keyword.
        name: &'static str,
    },
    /// A value that the standard forbids, or that this crate does not read.
    #[error("its attribute {name} is {value}, which cannot be shown")]
    AttributeValue {
        /// The attribute's keyword.
        name: &'static str,
        /// What it is.
        value: String,
    },
    /// The size of its pictures.
    #[error(transparent)]
    Size(#[from] FrameError),
    /// There is no such frame.
    #[error("there is no frame {index}: the file has {frames}, counted from 0")]
    NoFrame {
        /// Which was asked for.
        index: usize,
        /// How many there are.
        frames: usize,
    },
    /// One frame cannot be decoded; others may.
    #[error("frame {index} (counted from 0) cannot be decoded: {reason}")]
    Frame {
        /// Which.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DicomKind {
    /// Pictures, as far as its class says.
    Picture,
    /// A segmentation object.
    Segmentation,
    /// The directory of a disc.
    Directory,
}

/// What a file is, from its first bytes; `None` where they are not those of a DICOM file.
pub fn identify(bytes: &[u8]) -> Option<DicomKind> {
    const LAST: Tag = tags::SOP_CLASS_UID;
    let layout = match Layout::of(bytes) {
        // It is DICOM, and opening it says what is not supported.
        Err(DicomError::TransferSyntax { .. }) => return Some(DicomKind::Picture),
        layout => layout.ok()?,
    };
    // Where there is no mark of DICOM files, the first elements must be those of one.
    let object = DataSet::read(bytes, layout.data_set, layout.encoding, LAST).ok()?.object;
    let class = text(&object, tags::SOP_CLASS_UID).or(layout.class);
    Some(kind_of(class.as_deref()))
}

/// A segmentation whose values are the numbers of segments.
const LABEL_MAP_SEGMENTATION_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.7";

fn kind_of(class: Option<&str>) -> DicomKind {
    match class {
        Some(uids::MEDIA_STORAGE_DIRECTORY_STORAGE) => DicomKind::Directory,
        Some(uids::SEGMENTATION_STORAGE | LABEL_MAP_SEGMENTATION_STORAGE) => DicomKind::Segmentation,
        _ => DicomKind::Picture,
    }
}

/// An open file.
#[derive(Debug)]
pub struct DicomFile {
    bytes: Vec<u8>,
    format: PixelFormat,
    frames: Frames,
    display: Display,
    /// The values that are black and white where the file does not say: those of its first frame.
    range: OnceLock<[i32; 2]>,
    info: DicomInfo,
    source: Source,
}

impl DicomFile {
    /// Reads all of a file but its frames. Preamble and file meta group may be missing where the data set's first element
    /// shows how it is written.
    ///
    /// # Errors
    /// [`DicomError`], all but its last two variants.
    pub fn open(bytes: Vec<u8>) -> Result<Self, DicomError> {
        let layout = Layout::of(&bytes)?;
        let DataSet { object, pixel_data, skipped } =
            DataSet::read(&bytes, layout.data_set, layout.encoding, tags::PIXEL_DATA)?;
        let class = text(&object, tags::SOP_CLASS_UID).or_else(|| layout.class.clone());
        match kind_of(class.as_deref()) {
            DicomKind::Picture => {}
            DicomKind::Directory => return Err(DicomError::Directory),
            DicomKind::Segmentation => return Err(DicomError::Segmentation),
        }
        let pixel_data = pixel_data.ok_or(DicomError::NoPixelData)?;
        let mut notes = Vec::new();
        if !layout.is_as_said() {
            notes.push(DicomNote::Encoding);
        }
        if !skipped.is_empty() {
            notes.push(DicomNote::LeftOut { tags: skipped });
        }
        let mut format = PixelFormat::of(&object)?;
        let display = Display::of(&object, &format)?;
        let said = integer(&object, tags::NUMBER_OF_FRAMES).and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
        let frames = Frames::of(&bytes, &layout, pixel_data, &mut format, said, &mut notes)?;
        let expected = said.unwrap_or(1);
        let held = frames.count(&format, expected);
        if held == 0 {
            return Err(DicomError::NoPixelData);
        }
        if held > expected {
            notes.push(DicomNote::MoreFrames { said, held });
        } else if held < expected {
            notes.push(DicomNote::FewerFrames { said: expected, held });
        }
        let counts = [held, expected.saturating_sub(held)];
        let info = DicomInfo::of(&object, &layout, &format, &display, counts, notes);
        let source = Source::of(&object);
        Ok(Self { bytes, format, frames, display, range: OnceLock::new(), info, source })
    }

    /// What the file says of its pictures.
    pub fn info(&self) -> &DicomInfo {
        &self.info
    }

    /// Decodes a frame, counted from 0, and shows it as the file asks: palette, window, colour space.
    ///
    /// # Errors
    /// [`DicomError::NoFrame`] and [`DicomError::Frame`].
    pub fn frame(&self, index: usize) -> Result<Frame, DicomError> {
        self.show(index, None)
    }

    /// The same with another window than the file's. Colour pictures have no window and stay as they are.
    ///
    /// # Errors
    /// As [`DicomFile::frame`].
    pub fn frame_in_window(&self, index: usize, window: &GreyWindow) -> Result<Frame, DicomError> {
        self.show(index, Some(window))
    }

    /// The window that is used where none is chosen: the file's first, else the one that shows all values of its first frame.
    /// `None` where its pictures are in colour.
    ///
    /// # Errors
    /// [`DicomError::Frame`] where the first frame is needed and damaged.
    pub fn window(&self) -> Result<Option<GreyWindow>, DicomError> {
        if !self.display.is_grey {
            return Ok(None);
        }
        if let Some(window) = self.display.windows().first() {
            return Ok(Some(window.clone()));
        }
        let range = if self.display.needs_range(0) { Some(self.range_of(0, &self.samples(0)?)) } else { None };
        Ok(Some(self.display.whole(range)))
    }

    fn show(&self, index: usize, window: Option<&GreyWindow>) -> Result<Frame, DicomError> {
        let samples = self.samples(index)?;
        let needs_range = window.is_none() && self.display.needs_range(index);
        let range = needs_range.then(|| self.range_of(index, &samples));
        let rgb = self.display.rgb(index, &samples, window, range);
        Ok(Frame::from_rgb(self.format.columns, self.format.rows, rgb)?)
    }

    /// The range of the first frame; of this one, where the first is damaged.
    fn range_of(&self, index: usize, samples: &Samples) -> [i32; 2] {
        *self.range.get_or_init(|| match index {
            0 => display::range(samples),
            _ => display::range(self.samples(0).as_ref().unwrap_or(samples)),
        })
    }

    fn samples(&self, index: usize) -> Result<Samples, DicomError> {
        if index >= self.info.frames {
            return Err(DicomError::NoFrame { index, frames: self.info.frames });
        }
        self.frames.samples(&self.bytes, index, &self.format).map_err(|reason| DicomError::Frame { index, reason })
    }
}
