//! How the pixels of a file are stored: the Image Pixel module (PS3.3 section C.7.6.3).

use std::fmt;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::DicomError;
use super::attributes::{integer, text};
use crate::frame::check_size;

/// What the samples of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    /// Grey, the lowest value white.
    Monochrome1,
    /// Grey, the lowest value black.
    Monochrome2,
    /// Indices into a table of colours.
    Palette,
    /// Red, green, blue; also JPEG 2000's own transforms of them, which its decoder undoes.
    Rgb,
    /// Luma and two chroma differences, full range.
    YbrFull,
    /// The same with half the chroma columns where it is not compressed.
    YbrFull422,
}

/// The layout of a frame's samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct PixelFormat {
    pub columns: usize,
    pub rows: usize,
    /// 1 or 3.
    pub samples_per_pixel: usize,
    /// 8 or 16.
    pub bits_allocated: u32,
    /// 1 up to `bits_allocated`.
    pub bits_stored: u32,
    /// The highest bit of a stored value, counted from 0.
    pub high_bit: u32,
    /// Two's complement.
    pub signed: bool,
    /// All red, then all green, then all blue.
    pub planar: bool,
    /// Where it is not compressed, chroma at half the columns: Y Y B R.
    pub subsampled: bool,
    pub photometric: Photometric,
}

impl PixelFormat {
    pub(super) fn of(object: &InMemDicomObject) -> Result<Self, DicomError> {
        let required = |tag, name| integer(object, tag).ok_or(DicomError::AttributeMissing { name });
        let refused = |name, value: i64| DicomError::AttributeValue { name, value: value.to_string() };
        let size = |tag, name| required(tag, name).map(|value| usize::try_from(value).unwrap_or(0));
        let (rows, columns) = (size(tags::ROWS, "Rows")?, size(tags::COLUMNS, "Columns")?);
        check_size(columns, rows)?;
        let samples_per_pixel = integer(object, tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        if !matches!(samples_per_pixel, 1 | 3) {
            return Err(refused("SamplesPerPixel", samples_per_pixel));
        }
        let bits_allocated = required(tags::BITS_ALLOCATED, "BitsAllocated")?;
        if !matches!(bits_allocated, 8 | 16) {
            return Err(refused("BitsAllocated", bits_allocated));
        }
        let bits_stored = integer(object, tags::BITS_STORED).unwrap_or(bits_allocated);
        if !(1..=bits_allocated).contains(&bits_stored) {
            return Err(refused("BitsStored", bits_stored));
        }
        let high_bit = integer(object, tags::HIGH_BIT).unwrap_or(bits_stored - 1);
        if !(bits_stored - 1..bits_allocated).contains(&high_bit) {
            return Err(refused("HighBit", high_bit));
        }
        let photometric = photometric(object, samples_per_pixel == 3)?;
        Ok(Self {
            columns,
            rows,
            samples_per_pixel: samples_per_pixel as usize,
            bits_allocated: bits_allocated as u32,
            bits_stored: bits_stored as u32,
            high_bit: high_bit as u32,
            signed: integer(object, tags::PIXEL_REPRESENTATION) == Some(1),
            planar: integer(object, tags::PLANAR_CONFIGURATION) == Some(1) && samples_per_pixel == 3,
            subsampled: photometric == Photometric::YbrFull422 && columns.is_multiple_of(2),
            photometric,
        })
    }

    /// Pixels of a frame.
    pub(super) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Bytes of an uncompressed frame.
    pub(super) fn frame_bytes(&self) -> usize {
        self.pixels() * self.bytes_per_pixel()
    }

    fn bytes_per_pixel(&self) -> usize {
        let samples = if self.subsampled { 2 } else { self.samples_per_pixel };
        samples * (self.bits_allocated as usize / 8)
    }

    /// Goes by the pixel data's length where it shows that chroma is at all columns, or at half of them, and the file says
    /// otherwise; gives the bytes of a pixel then.
    pub(super) fn fit_chroma(&mut self, length: usize, frames: usize) -> Option<usize> {
        if !self.photometric.is_luma_and_chroma() || !self.columns.is_multiple_of(2) {
            return None;
        }
        let other = Self { subsampled: !self.subsampled, ..*self };
        // An odd length is filled up by a byte.
        let holds = |format: &Self, frames: usize| {
            format.frame_bytes().checked_mul(frames).is_some_and(|bytes| length.wrapping_sub(bytes) <= 1)
        };
        let whole = |format: &Self| length >= format.frame_bytes() && length % format.frame_bytes() <= 1;
        let is_other = holds(&other, frames)
            || (!holds(self, frames) && whole(&other) && !whole(self) && length / other.frame_bytes() >= frames);
        if !is_other {
            return None;
        }
        *self = other;
        Some(self.bytes_per_pixel())
    }

    /// The stored value in the bits of an allocated one.
    pub(super) fn stored(&self, allocated: u16) -> i32 {
        let value = i32::from(allocated) >> (self.high_bit + 1 - self.bits_stored);
        self.signed_value(value & ((1 << self.bits_stored) - 1))
    }

    /// A value of `bits_stored` bits with its sign.
    pub(super) fn signed_value(&self, value: i32) -> i32 {
        let unused = 32 - self.bits_stored;
        if self.signed { value << unused >> unused } else { value }
    }
}

impl Photometric {
    /// Whether pixels are luma and chroma, to be turned into red, green and blue.
    pub(super) fn is_luma_and_chroma(self) -> bool {
        matches!(self, Self::YbrFull | Self::YbrFull422)
    }
}

impl fmt::Display for Photometric {
    /// The attribute's value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Monochrome1 => "MONOCHROME1",
            Self::Monochrome2 => "MONOCHROME2",
            Self::Palette => "PALETTE COLOR",
            Self::Rgb => "RGB",
            Self::YbrFull => "YBR_FULL",
            Self::YbrFull422 => "YBR_FULL_422",
        })
    }
}

fn photometric(object: &InMemDicomObject, colour: bool) -> Result<Photometric, DicomError> {
    const NAME: &str = "PhotometricInterpretation";
    const TAG: Tag = tags::PHOTOMETRIC_INTERPRETATION;
    let name = text(object, TAG);
    let found = match name.as_deref() {
        Some("MONOCHROME1") => Photometric::Monochrome1,
        Some("MONOCHROME2") => Photometric::Monochrome2,
        Some("PALETTE COLOR") => Photometric::Palette,
        Some("RGB" | "YBR_RCT" | "YBR_ICT") => Photometric::Rgb,
        Some("YBR_FULL") => Photometric::YbrFull,
        Some("YBR_FULL_422") => Photometric::YbrFull422,
        None if colour => Photometric::Rgb,
        None => Photometric::Monochrome2,
        Some(other) => return Err(DicomError::AttributeValue { name: NAME, value: other.to_owned() }),
    };
    let wants_colour = matches!(found, Photometric::Rgb | Photometric::YbrFull | Photometric::YbrFull422);
    if wants_colour != colour {
        let value = format!("{} with {} samples a pixel", name.unwrap_or_default(), if colour { 3 } else { 1 });
        return Err(DicomError::AttributeValue { name: NAME, value });
    }
    Ok(found)
}
