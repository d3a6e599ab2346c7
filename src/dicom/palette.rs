//! Palette colour lookup tables, whole or in segments (PS3.3 sections C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.2).

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::DicomError;
use super::attributes::numbers;

/// Most entries of a table.
const MAX_ENTRIES: usize = 1 << 16;

/// A channel's attributes: its name, the descriptor, the table, the table in segments.
const CHANNELS: [(&str, Tag, Tag, Tag); 3] = [
    (
        "RedPaletteColorLookupTable",
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        "GreenPaletteColorLookupTable",
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        "BluePaletteColorLookupTable",
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
];

/// The colours of indices.
#[derive(Debug)]
pub(super) struct Palette {
    /// The value of the first entry.
    first: i32,
    /// At least one entry.
    colors: Vec<[u8; 3]>,
}

impl Palette {
    /// `is_signed` is of the indices: the descriptor's first value is so too.
    pub(super) fn of(object: &InMemDicomObject, is_signed: bool) -> Result<Self, DicomError> {
        let mut first = 0;
        let mut channels = Vec::with_capacity(3);
        for (name, descriptor, whole, segmented) in CHANNELS {
            let descriptor = Descriptor::of(object, descriptor, is_signed);
            let descriptor = descriptor.ok_or(DicomError::AttributeMissing { name })?;
            first = descriptor.first;
            let data =
                |tag| object.get(tag).and_then(|element| element.to_bytes().ok()).filter(|data| !data.is_empty());
            let (data, table) = match (data(whole), data(segmented)) {
                (Some(data), _) => (data.len(), table(&data, &descriptor)),
                (None, Some(data)) => (data.len(), Segments::new(&data, &descriptor).expand()),
                (None, None) => return Err(DicomError::AttributeMissing { name }),
            };
            channels.push(table.ok_or_else(|| DicomError::AttributeValue { name, value: format!("{data} bytes") })?);
        }
        let colors = channels[0].iter().zip(&channels[1]).zip(&channels[2]).map(|((&r, &g), &b)| [r, g, b]).collect();
        Ok(Self { first, colors })
    }

    /// The colour of an index; the first or the last where it is outside the table.
    pub(super) fn color(&self, value: i32) -> [u8; 3] {
        let last = self.colors.len() as i32 - 1;
        self.colors[value.saturating_sub(self.first).clamp(0, last) as usize]
    }
}

/// What a lookup table's descriptor says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    /// 1 to 65536.
    pub entries: usize,
    /// The value that the first entry is for.
    pub first: i32,
    /// Bits of an entry.
    pub bits: u32,
}

impl Descriptor {
    /// `None` where it is not there, or not three numbers.
    pub(super) fn of(object: &InMemDicomObject, tag: Tag, is_signed: bool) -> Option<Self> {
        let &[entries, first, bits] = &numbers(object, tag)[..] else { return None };
        // 65536 entries do not fit the attribute's 16 bits and are written as 0.
        let entries = if entries == 0.0 { MAX_ENTRIES } else { (entries as i32 as u16).into() };
        // The attribute's value representation may not tell the sign.
        let first = if is_signed { i32::from(first as i32 as u16 as i16) } else { i32::from(first as i32 as u16) };
        Some(Self { entries, first, bits: bits as u32 })
    }
}

/// One channel's entries at 8 bits; `None` where they are fewer than said.
fn table(data: &[u8], descriptor: &Descriptor) -> Option<Vec<u8>> {
    let Descriptor { entries, bits, .. } = *descriptor;
    if data.len() < entries * 2 {
        return data.get(..entries).map(<[u8]>::to_vec);
    }
    let words: Vec<_> = data.as_chunks().0.iter().take(entries).map(|&word| u16::from_ne_bytes(word)).collect();
    Some(to_bytes(&words, bits))
}

fn to_bytes(words: &[u16], bits: u32) -> Vec<u8> {
    // Some writers keep 8-bit entries in a table that they call one of 16 bits.
    let low = bits <= 8 || words.iter().all(|&word| word < 256);
    words.iter().map(|&word| if low { word as u8 } else { (word >> 8) as u8 }).collect()
}

/// A table in segments of 8 or 16 bits.
struct Segments {
    numbers: Vec<u16>,
    /// Bytes of a number.
    size: usize,
    entries: usize,
    bits: u32,
}

impl Segments {
    /// Runs of segments that begin elsewhere do not hold further ones.
    const NESTED: bool = true;

    fn new(data: &[u8], descriptor: &Descriptor) -> Self {
        let Descriptor { entries, bits, .. } = *descriptor;
        let (numbers, size) = if bits <= 8 {
            (data.iter().map(|&byte| byte.into()).collect(), 1)
        } else {
            (data.as_chunks().0.iter().map(|&word| u16::from_ne_bytes(word)).collect(), 2)
        };
        Self { numbers, size, entries, bits }
    }

    /// `None` where the segments give fewer entries than said, or cannot be followed.
    fn expand(&self) -> Option<Vec<u8>> {
        let mut table = Vec::with_capacity(self.entries);
        self.run(0, usize::MAX, !Self::NESTED, &mut table)?;
        (table.len() == self.entries).then(|| to_bytes(&table, self.bits))
    }

    /// Appends the entries of up to `count` segments from the number `at` on, until the table is full.
    fn run(&self, mut at: usize, count: usize, is_nested: bool, table: &mut Vec<u16>) -> Option<()> {
        for _ in 0..count {
            if table.len() == self.entries || (at + 1 >= self.numbers.len() && !is_nested) {
                return Some(());
            }
            let &[kind, length] = self.numbers.get(at..)?.first_chunk()?;
            at += 2;
            let length = usize::from(length);
            let free = self.entries - table.len();
            if length == 0 {
                return None;
            }
            match kind {
                // Discrete: entries as they are.
                0 => {
                    let values = self.numbers.get(at..at + length)?;
                    table.extend_from_slice(&values[..length.min(free)]);
                    at += length;
                }
                // Linear: from the entry before it, which is not repeated, to this one.
                1 => {
                    let (&from, &to) = (table.last()?, self.numbers.get(at)?);
                    let step = (f64::from(to) - f64::from(from)) / length as f64;
                    let value = |i: usize| (f64::from(from) + step * i as f64).round() as u16;
                    table.extend((1..=length.min(free)).map(value));
                    at += 1;
                }
                // Indirect: earlier segments once more, from a byte on that is given in four, the lowest first.
                2 if !is_nested => {
                    let mut offset = 0;
                    for (i, &number) in self.numbers.get(at..at + 4 / self.size)?.iter().enumerate() {
                        offset |= usize::from(number) << (8 * self.size * i);
                    }
                    self.run(offset / self.size, length, Self::NESTED, table)?;
                    at += 4 / self.size;
                }
                _ => return None,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(entries: usize, bits: u32) -> Descriptor {
        Descriptor { entries, first: 0, bits }
    }

    #[test]
    fn entries_are_bytes_words_or_words_that_hold_bytes() {
        assert_eq!(table(&[1, 2, 3], &descriptor(3, 8)), Some(vec![1, 2, 3]));
        assert_eq!(table(&[0x00, 0x12, 0xFF, 0xFF], &descriptor(2, 16)), Some(vec![0x12, 0xFF]));
        assert_eq!(table(&[7, 0, 9, 0], &descriptor(2, 16)), Some(vec![7, 9]));
        assert_eq!(table(&[1, 2, 3], &descriptor(4, 8)), None);
    }

    #[test]
    fn values_outside_a_palette_take_its_first_and_last_entry() {
        let palette = Palette { first: 10, colors: vec![[1; 3], [2; 3]] };
        assert_eq!([i32::MIN, 10, 11, 300].map(|value| palette.color(value)[0]), [1, 1, 2, 2]);
    }

    #[test]
    fn discrete_linear_and_indirect_segments_are_expanded() {
        // PS3.3 C.7.9.2: two entries, a line of four to 50, both segments again.
        let bytes = [0, 2, 5, 10, 1, 4, 50, 2, 2, 0, 0, 0, 0];
        let expanded = Segments::new(&bytes, &descriptor(12, 8)).expand();
        assert_eq!(expanded, Some(vec![5, 10, 20, 30, 40, 50, 5, 10, 20, 30, 40, 50]));
        let words = [0u16, 1, 0x1000, 1, 2, 0x3000, 2, 1, 0, 0];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let expanded = Segments::new(&bytes, &descriptor(4, 16)).expand();
        assert_eq!(expanded, Some(vec![0x10, 0x20, 0x30, 0x10]));
    }

    #[test]
    fn segments_that_cannot_be_followed_are_refused() {
        let refused = |bytes: &[u8]| Segments::new(bytes, &descriptor(4, 8)).expand().is_none();
        assert!(refused(&[1, 4, 50]), "a line from nothing");
        assert!(refused(&[0, 2, 5, 10]), "too few entries");
        assert!(refused(&[0, 9, 5]), "too few numbers");
        assert!(refused(&[0, 0, 0, 0]), "segments of no length");
        assert!(refused(&[0, 1, 7, 2, 1, 3, 0, 0, 0]), "an indirect segment that names itself");
    }
}
