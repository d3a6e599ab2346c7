//! DICOM files: pictures and cines in, segmentation objects out.
//!
//! A file's bytes are kept as they are, and a frame is decoded when it is asked for: `layout` finds the parts,
//! `pixel_format` and `display` read how pixels are stored and shown, `codec` undoes the compression. `info` is what the
//! page tells of a file, `segmentation` what it takes home.

mod attributes;
mod codec;
mod codestream;
mod display;
mod info;
mod layout;
mod pixel_format;
mod segmentation;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::io::{BufReader, Cursor};
use std::ops::Range;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::file::ReadPreamble;
use dicom_object::{DicomCollectorOptions, InMemDicomObject};

pub use self::info::{
    DataType, DicomInfo, PixelSpacing, SpacingSource, SpatialFormat, TransferSyntaxName, UltrasoundRegion,
};
pub use self::segmentation::{
    Creation, SegmentAlgorithm, SegmentationError, SegmentationRequest, SegmentedFrame, SegmentedStructure,
};

use self::attributes::integer;
use self::codec::{Compression, Samples};
use self::display::Display;
use self::layout::{EXPLICIT_VR_BIG_ENDIAN, Layout, PixelData};
use self::pixel_format::PixelFormat;
use self::segmentation::Source;
use crate::frame::{Frame, FrameError};

/// Why a DICOM file, or a frame of it, cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DicomError {
    /// The bytes are of another kind of file.
    #[error("this is not a DICOM file: {found}")]
    NotDicom {
        /// What it is instead.
        found: &'static str,
    },
    /// A report, a directory, a structure set, ...
    #[error("this DICOM file holds no pictures")]
    NoPixelData,
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

/// An open file.
#[derive(Debug)]
pub struct DicomFile {
    bytes: Vec<u8>,
    format: PixelFormat,
    frames: Frames,
    display: Display,
    /// The values that are black and white where the file does not say: those of its first frame.
    range: OnceCell<[i32; 2]>,
    info: DicomInfo,
    source: Source,
}

/// Where each frame lies.
#[derive(Debug)]
enum Frames {
    Native { vr: dicom_core::VR, bytes: Range<usize>, big_endian: bool },
    Compressed { compression: Compression, fragments: Vec<Vec<Range<usize>>> },
}

impl DicomFile {
    /// Reads all of a file but its frames. Preamble and file meta group may be missing where the data set's first element
    /// shows how it is written.
    ///
    /// # Errors
    /// [`DicomError`], all but its last two variants.
    pub fn open(bytes: Vec<u8>) -> Result<Self, DicomError> {
        let layout = Layout::of(&bytes)?;
        let object = read_data_set(&bytes, &layout)?;
        let format = PixelFormat::of(&object)?;
        let display = Display::of(&object, &format)?;
        let declared =
            integer(&object, tags::NUMBER_OF_FRAMES).and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
        let frames = Frames::of(&bytes, &layout, &format, declared)?;
        let held = frames.count(&format).min(declared);
        if held == 0 {
            return Err(DicomError::NoPixelData);
        }
        let info = DicomInfo::of(&object, &layout, &format, [held, declared - held]);
        let source = Source::of(&object);
        Ok(Self { bytes, format, frames, display, range: OnceCell::new(), info, source })
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
        let samples = self.samples(index)?;
        let range = self.display.needs_range.then(|| {
            *self.range.get_or_init(|| match index {
                0 => display::range(&samples),
                _ => display::range(self.samples(0).as_ref().unwrap_or(&samples)),
            })
        });
        Ok(Frame::from_rgb(self.format.columns, self.format.rows, self.display.rgb(&samples, range))?)
    }

    fn samples(&self, index: usize) -> Result<Samples, DicomError> {
        if index >= self.info.frames {
            return Err(DicomError::NoFrame { index, frames: self.info.frames });
        }
        let damaged = |reason| DicomError::Frame { index, reason };
        match &self.frames {
            Frames::Native { vr, bytes, big_endian } => {
                let start = index * self.format.frame_bytes();
                codec::native(&self.bytes[bytes.clone()], start, &self.format, *vr, *big_endian)
                    .ok_or_else(|| damaged("the file ends within it".to_owned()))
            }
            Frames::Compressed { compression, fragments } => {
                let data: Cow<[u8]> = match &fragments[index][..] {
                    [whole] => Cow::Borrowed(&self.bytes[whole.clone()]),
                    parts => Cow::Owned(parts.iter().flat_map(|part| &self.bytes[part.clone()]).copied().collect()),
                };
                codec::compressed(&data, *compression, &self.format).map_err(damaged)
            }
        }
    }
}

impl Frames {
    fn of(bytes: &[u8], layout: &Layout, format: &PixelFormat, declared: usize) -> Result<Self, DicomError> {
        let syntax = layout.transfer_syntax;
        let unsupported =
            || DicomError::TransferSyntax { uid: syntax.uid().to_owned(), name: syntax.name().to_owned() };
        let is_native = matches!(
            syntax.uid(),
            uids::IMPLICIT_VR_LITTLE_ENDIAN | uids::EXPLICIT_VR_LITTLE_ENDIAN | EXPLICIT_VR_BIG_ENDIAN
        );
        match &layout.pixel_data {
            PixelData::Native { vr, bytes } if is_native => {
                Ok(Self::Native { vr: *vr, bytes: bytes.clone(), big_endian: syntax.uid() == EXPLICIT_VR_BIG_ENDIAN })
            }
            PixelData::Native { .. } => Err(unsupported()),
            PixelData::Encapsulated { offsets, fragments } => {
                let first = fragments.iter().find(|fragment| !fragment.is_empty()).map(|first| &bytes[first.clone()]);
                // A file whose meta group is missing does not say how its fragments are compressed, but they do.
                let compression =
                    if is_native { first.map(sniff) } else { compression(syntax.uid()) }.ok_or_else(unsupported)?;
                let fragments = group(bytes, fragments, offsets, declared);
                debug_assert!(fragments.iter().all(|frame| !frame.is_empty()), "{format:?}");
                Ok(Self::Compressed { compression, fragments })
            }
        }
    }

    /// Frames that are in the file, of which the last may be cut short.
    fn count(&self, format: &PixelFormat) -> usize {
        match self {
            Self::Native { bytes, .. } => bytes.len().div_ceil(format.frame_bytes()),
            Self::Compressed { fragments, .. } => fragments.len(),
        }
    }
}

fn compression(transfer_syntax: &str) -> Option<Compression> {
    match transfer_syntax {
        uids::RLE_LOSSLESS => Some(Compression::Rle),
        uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT | uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => {
            Some(Compression::Jpeg)
        }
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => Some(Compression::Jpeg2000),
        _ => None,
    }
}

fn sniff(fragment: &[u8]) -> Compression {
    match fragment {
        [0xFF, 0xD8, ..] => Compression::Jpeg,
        [0xFF, 0x4F, ..] | [0, 0, 0, 0x0C, b'j', b'P', ..] => Compression::Jpeg2000,
        _ => Compression::Rle,
    }
}

/// The fragments of each frame (PS3.5 annex A.4): one each, else by the offset table, else by the marks that compressed
/// pictures begin with.
fn group(bytes: &[u8], fragments: &[Range<usize>], offsets: &[u32], declared: usize) -> Vec<Vec<Range<usize>>> {
    let Some(first) = fragments.first() else { return Vec::new() };
    let starts: Vec<usize> = if declared == 1 {
        vec![0]
    } else if fragments.len() == declared {
        (0..declared).collect()
    } else if offsets.len() == declared {
        let find = |&offset: &u32| fragments.binary_search_by_key(&(first.start + offset as usize), |f| f.start).ok();
        offsets.iter().map_while(find).collect()
    } else {
        let begins = |fragment: &Range<usize>| {
            let head = &bytes[fragment.clone()];
            head.starts_with(&[0xFF, 0xD8]) || head.starts_with(&[0xFF, 0x4F]) || head.starts_with(&[0, 0, 0, 0x0C])
        };
        let marked: Vec<_> = (0..fragments.len()).filter(|&index| begins(&fragments[index])).collect();
        if marked.is_empty() { (0..fragments.len()).collect() } else { marked }
    };
    let ends = starts.iter().skip(1).copied().chain([fragments.len()]);
    starts
        .iter()
        .zip(ends)
        .filter(|(start, end)| *start < end)
        .map(|(&start, end)| fragments[start..end].to_vec())
        .collect()
}

fn read_data_set(bytes: &[u8], layout: &Layout) -> Result<InMemDicomObject, DicomError> {
    let mut object = InMemDicomObject::new_empty();
    DicomCollectorOptions::new()
        .expected_ts(layout.data_set_syntax.uid())
        .read_preamble(ReadPreamble::Never)
        .from_reader(BufReader::new(Cursor::new(&bytes[layout.data_set..])))
        .read_dataset_up_to_pixeldata(&mut object)
        .map_err(|error| DicomError::Damaged { reason: error.to_string() })?;
    Ok(object)
}
