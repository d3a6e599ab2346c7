//! Where the parts of a DICOM file lie (PS3.10 section 7): preamble, file meta group, data set.

use dicom_core::Tag;
use dicom_dictionary_std::uids;
use dicom_transfer_syntax_registry::{TransferSyntax, TransferSyntaxIndex, TransferSyntaxRegistry};

use super::DicomError;
use super::data_set::Encoding;

/// Explicit VR Big Endian, which the standard has retired and archives have not.
pub(super) const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// The parts of a file.
pub(super) struct Layout {
    /// How the file says that it is encoded.
    pub transfer_syntax: &'static TransferSyntax,
    /// How its data set is written: some writers say otherwise.
    pub encoding: Encoding,
    /// The data set's first byte.
    pub data_set: usize,
    /// Media Storage SOP Class UID: what kind of object it is, where the meta group says so.
    pub class: Option<String>,
}

impl Layout {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, DicomError> {
        let meta = start_of_data(bytes).ok_or_else(|| DicomError::NotDicom { found: what_it_is(bytes) })?;
        let MetaGroup { transfer_syntax, class, end: data_set } = MetaGroup::read(bytes, meta)?;
        let encoding = Encoding::of(bytes, data_set);
        let uid = transfer_syntax.unwrap_or_else(|| uid_of(encoding).to_owned());
        let unsupported = |name: &str| DicomError::TransferSyntax { uid: uid.clone(), name: name.to_owned() };
        let transfer_syntax = TransferSyntaxRegistry.get(&uid).ok_or_else(|| unsupported("not one of the standard"))?;
        if !transfer_syntax.can_decode_dataset() {
            return Err(unsupported(transfer_syntax.name()));
        }
        Ok(Self { transfer_syntax, encoding, data_set, class })
    }

    /// Whether the file says what its data set shows.
    pub(super) fn is_as_said(&self) -> bool {
        match self.transfer_syntax.uid() {
            said @ (uids::IMPLICIT_VR_LITTLE_ENDIAN | EXPLICIT_VR_BIG_ENDIAN) => uid_of(self.encoding) == said,
            _ => self.encoding == Encoding::Explicit { big_endian: false },
        }
    }
}

/// The transfer syntax of uncompressed files that are written so.
fn uid_of(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Implicit => uids::IMPLICIT_VR_LITTLE_ENDIAN,
        Encoding::Explicit { big_endian: false } => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        Encoding::Explicit { big_endian: true } => EXPLICIT_VR_BIG_ENDIAN,
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

/// The file meta group, which is explicit VR little endian in every file but those of a few writers.
struct MetaGroup {
    transfer_syntax: Option<String>,
    class: Option<String>,
    /// The data set's first byte.
    end: usize,
}

impl MetaGroup {
    fn read(bytes: &[u8], mut at: usize) -> Result<Self, DicomError> {
        let (mut transfer_syntax, mut class) = (None, None);
        while let Some(&[2, 0, element, 0, vr0, vr1, l0, l1]) =
            bytes.get(at..at + 8).and_then(|header| header.first_chunk())
        {
            let long = matches!(&[vr0, vr1], b"OB" | b"OW" | b"UN" | b"UT" | b"SQ" | b"OF");
            let (header, length) = if long {
                let length = bytes.get(at + 8..at + 12).and_then(|length| length.first_chunk()).copied();
                (12, length.map_or(usize::MAX, |length| u32::from_le_bytes(length) as usize))
            } else if vr0.is_ascii_uppercase() && vr1.is_ascii_uppercase() {
                (8, usize::from(u16::from_le_bytes([l0, l1])))
            } else {
                (8, u32::from_le_bytes([vr0, vr1, l0, l1]) as usize)
            };
            let value = (at + header).checked_add(length).and_then(|end| bytes.get(at + header..end));
            let value = value.ok_or(DicomError::Truncated { tag: Tag(2, element.into()), at })?;
            let text = || {
                let text = String::from_utf8_lossy(value);
                Some(text.trim_end_matches(['\0', ' ']).to_owned()).filter(|text| !text.is_empty())
            };
            match element {
                0x02 => class = text(),
                0x10 => transfer_syntax = text(),
                _ => {}
            }
            at += header + length;
        }
        Ok(Self { transfer_syntax, class, end: at })
    }
}
