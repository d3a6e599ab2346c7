//! A data set's elements (PS3.5 section 7): bytes -> what this crate reads of them, and where the pictures lie.
//!
//! Read as leniently as files in the wild need: an element's value representation is taken from its header, or from the
//! dictionary where the header has none or one that its length does not fit; a value or a sequence that cannot be read is
//! left out, and all others stay. Nothing is allocated by a length that the file does not hold, and private elements and
//! values that are too large to be attributes are passed over.

use std::ops::Range;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::Length;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

use super::DicomError;
use super::text::CharacterSets;

/// Sequences in sequences, beyond which a file is damaged sooner than deep.
const MAX_DEPTH: usize = 64;
/// The largest value that is read; lookup tables have 128 kB at most.
const MAX_VALUE: usize = 1 << 20;
/// The length that stands for "up to a delimiter".
const UNDEFINED: u32 = u32::MAX;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Without value representations, little endian.
    Implicit,
    /// With value representations.
    Explicit {
        /// The byte order that the standard has retired.
        big_endian: bool,
    },
}

impl Encoding {
    /// How the elements from `at` on are written, as the first of them shows.
    pub(super) fn of(bytes: &[u8], at: usize) -> Self {
        match bytes.get(at..).unwrap_or_default() {
            [0, 1..=255, _, _, vr0, vr1, ..] if VR::from_binary([*vr0, *vr1]).is_some() => {
                Self::Explicit { big_endian: true }
            }
            [_, _, _, _, vr0, vr1, ..] if VR::from_binary([*vr0, *vr1]).is_some() => {
                Self::Explicit { big_endian: false }
            }
            _ => Self::Implicit,
        }
    }

    pub(super) fn is_big_endian(self) -> bool {
        self == Self::Explicit { big_endian: true }
    }

    fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.is_big_endian() { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian() { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

/// Where the pictures lie.
#[derive(Debug)]
pub(super) enum PixelData {
    /// One frame after the other, uncompressed.
    Native {
        /// OB or OW: whether bytes or words are in the file's byte order.
        vr: VR,
        /// All frames, as far as the file holds them.
        bytes: Range<usize>,
        /// How many bytes the file says that they are.
        stated: usize,
    },
    /// Compressed frames in fragments.
    Encapsulated {
        /// The basic offset table; may be empty.
        offsets: Vec<u32>,
        /// All fragments but that table.
        fragments: Vec<Range<usize>>,
    },
}

/// What was read of a data set.
pub(super) struct DataSet {
    /// The standard's elements before the pictures.
    pub object: InMemDicomObject,
    /// The pictures; `None` where there are none.
    pub pixel_data: Option<PixelData>,
    /// Elements of the standard that were left out, because their values cannot be read.
    pub skipped: Vec<Tag>,
}

impl DataSet {
    /// Reads the elements from `at` on, up to the pictures or the first element beyond `last`.
    ///
    /// # Errors
    /// [`DicomError::Truncated`] and [`DicomError::Damaged`].
    pub(super) fn read(bytes: &[u8], at: usize, encoding: Encoding, last: Tag) -> Result<Self, DicomError> {
        let mut reader = Reader { bytes, character_sets: CharacterSets::default(), skipped: Vec::new() };
        let mut object = InMemDicomObject::new_empty();
        let mut at = at;
        let mut pixel_data = None;
        while let Some(header) = reader.header(at, encoding) {
            if header.tag > last {
                break;
            }
            if header.tag == tags::PIXEL_DATA {
                pixel_data = Some(reader.pixel_data(&header));
                break;
            }
            at = reader.element(&header, bytes.len(), encoding, 0, &mut object)?;
        }
        Ok(Self { object, pixel_data, skipped: reader.skipped })
    }
}

/// An element before its value.
struct Header {
    tag: Tag,
    vr: VR,
    /// The value's first byte.
    at: usize,
    /// The value's bytes; `None` where a delimiter ends it.
    length: Option<usize>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    character_sets: CharacterSets,
    skipped: Vec<Tag>,
}

impl Reader<'_> {
    /// `None` where the bytes end.
    fn header(&self, at: usize, encoding: Encoding) -> Option<Header> {
        let &[g0, g1, e0, e1, vr0, vr1, l0, l1] = self.bytes.get(at..)?.first_chunk()?;
        let tag = Tag(encoding.u16([g0, g1]), encoding.u16([e0, e1]));
        let with = |vr, header: usize, length: u32| Header {
            tag,
            vr,
            at: at + header,
            length: (length != UNDEFINED).then_some(length as usize),
        };
        let letters = [vr0, vr1];
        let known = VR::from_binary(letters);
        let is_delimiter = tag.0 == ITEM.0;
        if encoding == Encoding::Implicit
            || is_delimiter
            || (known.is_none() && !letters.iter().all(u8::is_ascii_uppercase))
        {
            return Some(with(dictionary_vr(tag), 8, encoding.u32([vr0, vr1, l0, l1])));
        }
        // A value representation that this crate has not heard of is one of the newer ones, whose lengths are long.
        let vr = known.unwrap_or(VR::UN);
        if has_long_length(vr) {
            let length = self.bytes.get(at + 8..)?.first_chunk()?;
            Some(with(vr, 12, encoding.u32(*length)))
        } else {
            Some(with(vr, 8, encoding.u16([l0, l1]).into()))
        }
    }

    /// Reads an element into an object; gives the first byte after it.
    fn element(
        &mut self,
        header: &Header,
        end: usize,
        encoding: Encoding,
        depth: usize,
        object: &mut InMemDicomObject,
    ) -> Result<usize, DicomError> {
        let Header { tag, at, length, .. } = *header;
        // Unknown to whoever wrote it last, and then implicit and little endian: the dictionary may know it.
        let (vr, encoding) = match header.vr {
            VR::UN => (dictionary_vr(tag), if encoding.is_big_endian() { Encoding::Implicit } else { encoding }),
            vr => (vr, encoding),
        };
        // Private elements are passed over, curves, overlays and further pictures too.
        let is_read = tag.0 % 2 == 0 && (tag.0 < 0x5000 || tag.0 == 0x5200);
        let value_end = length.map(|length| at.checked_add(length).filter(|&value_end| value_end <= end));
        match value_end {
            Some(None) => Err(DicomError::Truncated { tag, at }),
            Some(Some(value_end)) if vr == VR::SQ => {
                if is_read {
                    match self.items(at, Some(value_end), self.encoding_of_items(header, encoding, at), depth + 1) {
                        Ok((items, _)) => put_sequence(object, tag, items),
                        // Its end is known: what follows it is whole.
                        Err(_) => self.skipped.push(tag),
                    }
                }
                Ok(value_end)
            }
            Some(Some(value_end)) => {
                if is_read && value_end - at <= MAX_VALUE {
                    match self.value(tag, vr, &self.bytes[at..value_end], encoding) {
                        Some(value) => {
                            if tag == tags::SPECIFIC_CHARACTER_SET {
                                self.character_sets = CharacterSets::of(&value);
                            }
                            object.put(value);
                        }
                        None => self.skipped.push(tag),
                    }
                }
                Ok(value_end)
            }
            None => {
                let encoding = self.encoding_of_items(header, encoding, at);
                let (items, after) = self.items(at, None, encoding, depth + 1)?;
                if is_read {
                    put_sequence(object, tag, items);
                }
                Ok(after)
            }
        }
    }

    /// The items of a sequence, and the first byte after it.
    fn items(
        &mut self,
        mut at: usize,
        end: Option<usize>,
        encoding: Encoding,
        depth: usize,
    ) -> Result<(Vec<InMemDicomObject>, usize), DicomError> {
        let damaged = |reason: &str| DicomError::Damaged { reason: reason.to_owned() };
        if depth > MAX_DEPTH {
            return Err(damaged("its sequences do not end"));
        }
        let mut items = Vec::new();
        while end.is_none_or(|end| at < end) {
            let header = self.header(at, encoding).ok_or_else(|| damaged("the file ends within a sequence"))?;
            match (header.tag, header.length) {
                (SEQUENCE_END, _) => return Ok((items, header.at)),
                (ITEM, length) => {
                    let outer = self.character_sets.clone();
                    let item_end = length.map(|length| header.at.saturating_add(length));
                    if item_end.is_some_and(|item_end| item_end > end.unwrap_or(self.bytes.len())) {
                        return Err(damaged("an item is longer than its sequence"));
                    }
                    let mut item = InMemDicomObject::new_empty();
                    let read = self.item(header.at, item_end, encoding, depth, &mut item);
                    self.character_sets = outer;
                    items.push(item);
                    // Where its end is known, what follows a damaged item is whole.
                    at = read.or_else(|error| item_end.ok_or(error))?;
                }
                _ => return Err(damaged("a sequence has something else between its items")),
            }
        }
        Ok((items, at))
    }

    /// Reads the elements of an item into an object; gives the first byte after them.
    fn item(
        &mut self,
        mut at: usize,
        end: Option<usize>,
        encoding: Encoding,
        depth: usize,
        item: &mut InMemDicomObject,
    ) -> Result<usize, DicomError> {
        while end.is_none_or(|end| at < end) {
            let header = self
                .header(at, encoding)
                .ok_or_else(|| DicomError::Damaged { reason: "the file ends within a sequence".to_owned() })?;
            if header.tag == ITEM_END {
                return Ok(header.at);
            }
            at = self.element(&header, end.unwrap_or(self.bytes.len()), encoding, depth, item)?;
        }
        Ok(at)
    }

    /// The items of an element that is not written as a sequence are implicit by the standard, and explicit by some writers.
    fn encoding_of_items(&self, header: &Header, encoding: Encoding, at: usize) -> Encoding {
        const ITEM_HEADER: usize = 8;
        match header.vr {
            VR::UN => match Encoding::of(self.bytes, at + ITEM_HEADER) {
                Encoding::Explicit { .. } => Encoding::Explicit { big_endian: false },
                Encoding::Implicit => Encoding::Implicit,
            },
            _ => encoding,
        }
    }

    /// `None` where the bytes are no whole number of values, neither as the file has it nor as the dictionary does.
    fn value(&self, tag: Tag, vr: VR, bytes: &[u8], encoding: Encoding) -> Option<DataElement<InMemDicomObject>> {
        let fits = |vr: &VR| *vr != VR::SQ && bytes.len().is_multiple_of(value_size(*vr));
        let vr = [vr, dictionary_vr(tag)].into_iter().find(fits)?;
        let u16 = |&bytes: &[u8; 2]| encoding.u16(bytes);
        let u32 = |&bytes: &[u8; 4]| encoding.u32(bytes);
        let u64 = |&bytes: &[u8; 8]| {
            if encoding.is_big_endian() { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
        };
        let (halves, words, doubles) =
            (bytes.as_chunks().0.iter(), bytes.as_chunks().0.iter(), bytes.as_chunks().0.iter());
        let value = match vr {
            _ if bytes.is_empty() => PrimitiveValue::Empty,
            VR::US | VR::OW => PrimitiveValue::U16(halves.map(u16).collect()),
            VR::SS => PrimitiveValue::I16(halves.map(|half| u16(half) as i16).collect()),
            VR::UL | VR::OL => PrimitiveValue::U32(words.map(u32).collect()),
            VR::SL => PrimitiveValue::I32(words.map(|word| u32(word) as i32).collect()),
            VR::FL | VR::OF => PrimitiveValue::F32(words.map(|word| f32::from_bits(u32(word))).collect()),
            VR::UV | VR::OV => PrimitiveValue::U64(doubles.map(u64).collect()),
            VR::SV => PrimitiveValue::I64(doubles.map(|double| u64(double) as i64).collect()),
            VR::FD | VR::OD => PrimitiveValue::F64(doubles.map(|double| f64::from_bits(u64(double))).collect()),
            VR::AT => {
                let tag = |&[g0, g1, e0, e1]: &[u8; 4]| Tag(encoding.u16([g0, g1]), encoding.u16([e0, e1]));
                PrimitiveValue::Tags(words.map(tag).collect())
            }
            VR::OB | VR::UN | VR::SQ => PrimitiveValue::U8(bytes.iter().copied().collect()),
            // One value, in which a backslash is a character.
            VR::LT | VR::ST | VR::UT | VR::UR => PrimitiveValue::Str(self.character_sets.decode(bytes)),
            _ => PrimitiveValue::Strs(self.character_sets.decode_values(bytes).into_iter().collect()),
        };
        Some(DataElement::new(tag, vr, value))
    }

    fn pixel_data(&self, header: &Header) -> PixelData {
        match header.length {
            Some(stated) => {
                let end = header.at.saturating_add(stated).min(self.bytes.len());
                PixelData::Native { vr: header.vr, bytes: header.at.min(end)..end, stated }
            }
            None => {
                let mut fragments = self.fragments(header.at).into_iter();
                let offsets = fragments.next().map_or(&[][..], |table| &self.bytes[table]);
                let offsets = offsets.as_chunks().0.iter().map(|&offset| u32::from_le_bytes(offset)).collect();
                PixelData::Encapsulated { offsets, fragments: fragments.collect() }
            }
        }
    }

    /// The items of encapsulated pixel data, the offset table first. A damaged end ends the list.
    fn fragments(&self, mut at: usize) -> Vec<Range<usize>> {
        let mut fragments = Vec::new();
        while let Some(Header { tag: ITEM, at: start, length: Some(length), .. }) = self.header(at, Encoding::Implicit)
        {
            let end = start.saturating_add(length).min(self.bytes.len());
            fragments.push(start..end);
            at = end;
        }
        fragments
    }
}

fn put_sequence(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new_with_len(tag, VR::SQ, Length::UNDEFINED, DataSetSequence::from(items)));
}

/// UN where the dictionary does not have the tag.
fn dictionary_vr(tag: Tag) -> VR {
    StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed())
}

/// Whether an explicit header has a length of four bytes (PS3.5 table 7.1-1).
fn has_long_length(vr: VR) -> bool {
    use VR::{OB, OD, OF, OL, OV, OW, SQ, SV, UC, UN, UR, UT, UV};
    matches!(vr, OB | OD | OF | OL | OV | OW | SQ | SV | UC | UN | UR | UT | UV)
}

/// Bytes of one of an element's values, 1 for text (PS3.5 table 6.2-1).
fn value_size(vr: VR) -> usize {
    match vr {
        VR::SS | VR::US | VR::OW => 2,
        VR::AT | VR::FL | VR::OF | VR::SL | VR::UL | VR::OL => 4,
        VR::FD | VR::OD | VR::SV | VR::UV | VR::OV => 8,
        _ => 1,
    }
}
