//! Where the parts of a DICOM file lie (PS3.10 section 7, PS3.5 sections 7 and A.4): bytes -> ranges of bytes.
//!
//! Nothing is read here but headers, and every length is checked against the file and the value representation before
//! anyone reads by it: the readers of `dicom-object` allocate what a header asks for.

use std::io::Cursor;
use std::ops::Range;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::{TransferSyntax, TransferSyntaxIndex, TransferSyntaxRegistry};

use super::DicomError;

/// Explicit VR Big Endian, which the standard has retired and archives have not.
pub(super) const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Sequences in sequences, beyond which a file is damaged sooner than deep.
const MAX_DEPTH: usize = 64;

/// The parts of a file.
pub(super) struct Layout {
    /// What the file says of how it is written.
    pub transfer_syntax: &'static TransferSyntax,
    /// How the data set is written: some writers leave the value representations out and say otherwise.
    pub data_set_syntax: &'static TransferSyntax,
    /// The data set's first byte.
    pub data_set: usize,
    /// The pictures.
    pub pixel_data: PixelData,
}

/// Where the pictures lie.
#[derive(Debug)]
pub(super) enum PixelData {
    /// One frame after the other, uncompressed. A range that the file cuts short ends with the file.
    Native {
        /// OB or OW: whether bytes or words are in the file's byte order.
        vr: VR,
        /// All frames.
        bytes: Range<usize>,
    },
    /// Compressed frames in fragments.
    Encapsulated {
        /// The basic offset table; may be empty.
        offsets: Vec<u32>,
        /// All fragments but that table.
        fragments: Vec<Range<usize>>,
    },
}

impl Layout {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, DicomError> {
        let meta = start_of_data(bytes).ok_or_else(|| DicomError::NotDicom { found: what_it_is(bytes) })?;
        let (uid, data_set) = read_meta_group(bytes, meta)?;
        let guess = guess_transfer_syntax(&bytes[data_set..]);
        let uid = uid.unwrap_or_else(|| guess.to_owned());
        let unsupported = |name: &str| DicomError::TransferSyntax { uid: uid.clone(), name: name.to_owned() };
        let transfer_syntax = TransferSyntaxRegistry.get(&uid).ok_or_else(|| unsupported("not one of the standard"))?;
        if !transfer_syntax.can_decode_dataset() {
            return Err(unsupported(transfer_syntax.name()));
        }
        let is_implicit = guess == uids::IMPLICIT_VR_LITTLE_ENDIAN;
        let data_set_syntax = TransferSyntaxRegistry.get(guess).filter(|_| is_implicit).unwrap_or(transfer_syntax);
        let pixel_data = find_pixel_data(bytes, data_set, data_set_syntax)?;
        Ok(Self { transfer_syntax, data_set_syntax, data_set, pixel_data })
    }
}

/// The first byte of the file meta group, or of the data set in a file that has none.
fn start_of_data(bytes: &[u8]) -> Option<usize> {
    let magic = |at: usize| bytes.get(at..at + 4) == Some(b"DICM");
    if magic(128) {
        return Some(132);
    }
    if magic(0) {
        return Some(4);
    }
    // Without the magic word, the tag of the first element must be one that files begin with.
    match bytes.get(..8)? {
        [2, 0, 0..=0x20, 0, ..] | [8, 0, 0..=0x20, 0, ..] | [0, 8, 0, 0..=0x20, ..] => Some(0),
        _ => None,
    }
}

/// What a file that is not DICOM begins like.
fn what_it_is(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "it is empty",
        [0x89, b'P', b'N', b'G', ..] => "it is a PNG picture",
        [0xFF, 0xD8, 0xFF, ..] => "it is a JPEG picture",
        [b'P', b'K', 3, 4, ..] => "it is a ZIP archive; unpack it first",
        [0x1F, 0x8B, ..] => "it is a gzip archive; unpack it first",
        [b'%', b'P', b'D', b'F', ..] => "it is a PDF document",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "it is a video or a picture in a video's container",
        _ => "the mark of DICOM files is missing",
    }
}

/// Reads the file meta group, which is explicit VR little endian in every file: the transfer syntax, where it is said, and
/// the data set's first byte.
fn read_meta_group(bytes: &[u8], mut at: usize) -> Result<(Option<String>, usize), DicomError> {
    let mut uid = None;
    while let Some(&[2, 0, element, 0, vr0, vr1, l0, l1]) =
        bytes.get(at..at + 8).and_then(|header| header.first_chunk())
    {
        let long = matches!(&[vr0, vr1], b"OB" | b"OW" | b"UN" | b"UT" | b"SQ" | b"OF");
        let (header, length) = if long {
            let length = bytes.get(at + 8..at + 12).and_then(|length| length.first_chunk()).copied();
            (12, length.map_or(usize::MAX, |length| u32::from_le_bytes(length) as usize))
        } else {
            (8, usize::from(u16::from_le_bytes([l0, l1])))
        };
        let value = (at + header).checked_add(length).and_then(|end| bytes.get(at + header..end));
        let value = value.ok_or(DicomError::Truncated { tag: Tag(2, element.into()), at })?;
        if element == 0x10 {
            let text = String::from_utf8_lossy(value);
            uid = Some(text.trim_end_matches(['\0', ' ']).to_owned());
        }
        at += header + length;
    }
    Ok((uid.filter(|uid| !uid.is_empty()), at))
}

/// The transfer syntax of a data set whose file does not say it, by its first element.
fn guess_transfer_syntax(data_set: &[u8]) -> &'static str {
    match data_set {
        [0, _, _, _, ..] => EXPLICIT_VR_BIG_ENDIAN,
        [_, _, _, _, b'A'..=b'Z', b'A'..=b'Z', ..] => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        _ => uids::IMPLICIT_VR_LITTLE_ENDIAN,
    }
}

/// Walks the elements up to the pictures, and checks each length on the way.
fn find_pixel_data(bytes: &[u8], data_set: usize, syntax: &TransferSyntax) -> Result<PixelData, DicomError> {
    let damaged = |reason: String| DicomError::Damaged { reason };
    let mut source = Cursor::new(bytes);
    source.set_position(data_set as u64);
    let mut reader = LazyDataSetReader::new_with_ts(source, syntax).map_err(|error| damaged(error.to_string()))?;
    let mut depth = 0usize;
    while let Some(token) = reader.advance() {
        match token.map_err(|error| damaged(error.to_string()))? {
            LazyDataToken::PixelSequenceStart if depth == 0 => {
                let at = reader.into_decoder().position() as usize;
                let mut fragments = read_fragments(bytes, at).into_iter();
                let offsets = fragments.next().map_or(&[][..], |table| &bytes[table]);
                let offsets = offsets.as_chunks().0.iter().map(|&offset| u32::from_le_bytes(offset)).collect();
                return Ok(PixelData::Encapsulated { offsets, fragments: fragments.collect() });
            }
            LazyDataToken::PixelSequenceStart
            | LazyDataToken::SequenceStart { .. }
            | LazyDataToken::ItemStart { .. } => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(damaged("its sequences do not end".to_owned()));
                }
            }
            LazyDataToken::SequenceEnd | LazyDataToken::ItemEnd => {
                depth = depth.checked_sub(1).ok_or_else(|| damaged("a sequence ends that never began".to_owned()))?;
            }
            LazyDataToken::LazyValue { header, decoder } => {
                let at = decoder.position() as usize;
                let end = at.saturating_add(header.len.0 as usize);
                if depth == 0 && header.tag == tags::PIXEL_DATA {
                    return Ok(PixelData::Native { vr: header.vr, bytes: at..end.min(bytes.len()) });
                }
                if end > bytes.len() {
                    return Err(DicomError::Truncated { tag: header.tag, at });
                }
                if !header.len.0.is_multiple_of(value_size(header.vr)) {
                    let (tag, vr, length) = (header.tag, header.vr, header.len.0);
                    return Err(damaged(format!(
                        "the element {tag} has {length} bytes, no whole number of {vr} values"
                    )));
                }
                decoder.skip_bytes(header.len.0).map_err(|error| damaged(error.to_string()))?;
            }
            LazyDataToken::LazyItemValue { len, decoder } => {
                if decoder.position() + u64::from(len) > bytes.len() as u64 {
                    return Err(damaged("an item is longer than the file".to_owned()));
                }
                decoder.skip_bytes(len).map_err(|error| damaged(error.to_string()))?;
            }
            _ => {}
        }
    }
    Err(DicomError::NoPixelData)
}

/// Bytes of one of an element's values, 1 for text (PS3.5 table 6.2-1). The readers of `dicom-parser` take whole values: they
/// would read what is left over as the next element's header, and go by its length.
fn value_size(vr: VR) -> u32 {
    match vr {
        VR::SS | VR::US | VR::OW => 2,
        VR::AT | VR::FL | VR::OF | VR::SL | VR::UL | VR::OL => 4,
        VR::FD | VR::OD | VR::SV | VR::UV | VR::OV => 8,
        _ => 1,
    }
}

/// The items of encapsulated pixel data, the offset table first. A damaged end ends the list.
fn read_fragments(bytes: &[u8], mut at: usize) -> Vec<Range<usize>> {
    let mut fragments = Vec::new();
    while let Some(&[0xFE, 0xFF, 0x00, 0xE0, l0, l1, l2, l3]) =
        bytes.get(at..at + 8).and_then(|header| header.first_chunk())
    {
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let end = (at + 8).saturating_add(length).min(bytes.len());
        fragments.push(at + 8..end);
        at = end;
    }
    fragments
}
