//! Where each frame lies in the pixel data (PS3.5 section 8 and annex A.4), and how many there are.

use std::borrow::Cow;
use std::ops::Range;

use dicom_core::VR;
use dicom_dictionary_std::uids;

use super::DicomError;
use super::codec::{self, Compression, Samples};
use super::codestream::JpegHeader;
use super::data_set::PixelData;
use super::layout::{EXPLICIT_VR_BIG_ENDIAN, Layout};
use super::notes::DicomNote;
use super::pixel_format::PixelFormat;

/// The frames of a file.
#[derive(Debug)]
pub(super) enum Frames {
    Native { vr: VR, bytes: Range<usize>, big_endian: bool },
    Compressed { compression: Compression, fragments: Vec<Vec<Range<usize>>> },
}

impl Frames {
    /// `said` is Number of Frames. Where the pixel data show that pixels take another number of bytes than the file says,
    /// the format is corrected.
    pub(super) fn of(
        bytes: &[u8],
        layout: &Layout,
        pixel_data: PixelData,
        format: &mut PixelFormat,
        said: Option<usize>,
        notes: &mut Vec<DicomNote>,
    ) -> Result<Self, DicomError> {
        let syntax = layout.transfer_syntax;
        let compression = compression(syntax.uid());
        let is_native = matches!(
            syntax.uid(),
            uids::IMPLICIT_VR_LITTLE_ENDIAN | uids::EXPLICIT_VR_LITTLE_ENDIAN | EXPLICIT_VR_BIG_ENDIAN
        );
        let unsupported =
            || DicomError::TransferSyntax { uid: syntax.uid().to_owned(), name: syntax.name().to_owned() };
        let (offsets, fragments) = match pixel_data {
            // Uncompressed, whatever the file says: it may have been unpacked without a word.
            PixelData::Native { vr, bytes: range, stated }
                if is_native
                    || compression.is_some_and(|compression| !begins_a_picture(&bytes[range.clone()], compression)) =>
            {
                if let Some(bytes) = format.fit_chroma(stated, said.unwrap_or(1)) {
                    notes.push(DicomNote::ChromaSize { bytes });
                }
                return Ok(Self::Native { vr, bytes: range, big_endian: layout.encoding.is_big_endian() });
            }
            PixelData::Native { bytes, .. } => (Vec::new(), vec![bytes]),
            PixelData::Encapsulated { offsets, fragments } => (offsets, fragments),
        };
        let first = fragments.iter().find(|fragment| !fragment.is_empty()).map(|first| &bytes[first.clone()]);
        // A file whose meta group is missing does not say how its fragments are compressed, but they do.
        let compression = if is_native { first.map(sniff) } else { compression }.ok_or_else(unsupported)?;
        if let (Compression::Jpeg, Some(first), 3) = (compression, first, format.samples_per_pixel)
            && let Some(header) = JpegHeader::of(first)
            && header.photometric(format.photometric).is_luma_and_chroma() != format.photometric.is_luma_and_chroma()
        {
            notes.push(DicomNote::JpegColours { said: format.photometric.to_string() });
        }
        let fragments = group(bytes, &fragments, &offsets, said.unwrap_or(1), compression);
        Ok(Self::Compressed { compression, fragments })
    }

    /// Frames that are in the file. Where fewer are than said, the last may be cut short.
    pub(super) fn count(&self, format: &PixelFormat, said: usize) -> usize {
        match self {
            Self::Native { bytes, .. } => {
                let whole = bytes.len() / format.frame_bytes();
                if whole >= said { whole } else { bytes.len().div_ceil(format.frame_bytes()) }
            }
            Self::Compressed { fragments, .. } => fragments.len(),
        }
    }

    /// How the frames were compressed where that may have lost detail, and how many bytes one takes in the mean.
    pub(super) fn lossy(&self) -> Option<(&'static str, f64)> {
        let Self::Compressed { compression, fragments } = self else { return None };
        let method = match compression {
            Compression::Jpeg => "ISO_10918_1",
            Compression::Jpeg2000 => "ISO_15444_1",
            Compression::Rle => return None,
        };
        let bytes: usize = fragments.iter().flatten().map(Range::len).sum();
        Some((method, bytes as f64 / fragments.len().max(1) as f64))
    }

    /// The stored values of a frame that is there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn samples(&self, bytes: &[u8], index: usize, format: &PixelFormat) -> Result<Samples, String> {
        match self {
            Self::Native { vr, bytes: range, big_endian } => {
                let start = index * format.frame_bytes();
                codec::native(&bytes[range.clone()], start, format, *vr, *big_endian)
                    .ok_or_else(|| "the file ends within it".to_owned())
            }
            Self::Compressed { compression, fragments } => {
                let data: Cow<[u8]> = match &fragments[index][..] {
                    [whole] => Cow::Borrowed(&bytes[whole.clone()]),
                    parts => Cow::Owned(parts.iter().flat_map(|part| &bytes[part.clone()]).copied().collect()),
                };
                codec::compressed(&data, *compression, format)
            }
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

/// Whether bytes begin as a compressed picture does: JPEG, JPEG 2000, or RLE, whose header has the number of segments and
/// where the first begins.
fn begins_a_picture(bytes: &[u8], compression: Compression) -> bool {
    match compression {
        Compression::Rle => matches!(bytes, [1..=15, 0, 0, 0, 64, 0, 0, 0, ..]),
        Compression::Jpeg => bytes.starts_with(&[0xFF, 0xD8, 0xFF]),
        Compression::Jpeg2000 => bytes.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) || bytes.starts_with(b"\0\0\0\x0CjP"),
    }
}

/// The fragments of each frame (PS3.5 annex A.4): one each, else by the offset table, else by the marks that compressed
/// pictures begin with. The fragments count, not what the file says: it may hold more frames.
fn group(
    bytes: &[u8],
    fragments: &[Range<usize>],
    offsets: &[u32],
    said: usize,
    compression: Compression,
) -> Vec<Vec<Range<usize>>> {
    let Some(first) = fragments.first() else { return Vec::new() };
    let find = |&offset: &u32| fragments.binary_search_by_key(&(first.start + offset as usize), |f| f.start).ok();
    let by_offset: Vec<usize> = offsets.iter().map_while(find).collect();
    let begins = |&index: &usize| begins_a_picture(&bytes[fragments[index].clone()], compression);
    let by_mark: Vec<usize> = (0..fragments.len()).filter(begins).collect();
    let has_table = by_offset.len() >= said && by_offset.len() == offsets.len();
    let starts = if fragments.len() == said {
        (0..said).collect()
    } else if has_table && by_offset.len() >= by_mark.len() {
        by_offset
    } else if by_mark.len() > 1 {
        by_mark
    } else if said == 1 {
        vec![0]
    } else {
        (0..fragments.len()).collect()
    };
    let ends = starts.iter().skip(1).copied().chain([fragments.len()]);
    starts
        .iter()
        .zip(ends)
        .filter(|(start, end)| *start < end)
        .map(|(&start, end)| fragments[start..end].to_vec())
        .collect()
}
