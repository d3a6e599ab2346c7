//! Stored values to the colours of a screen (PS3.3 sections C.7.6.3.1, C.7.9, C.11.1, C.11.2): values -> `[rows, columns, 3]`.

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::DicomError;
use super::attributes::items;
use super::codec::{Samples, Values};
use super::grey::{Grey, GreyWindow};
use super::palette::Palette;
use super::pixel_format::{Photometric, PixelFormat};

/// What a file says of how its values are shown.
#[derive(Debug)]
pub(super) struct Display {
    bits_stored: u32,
    /// Of all frames, or of each.
    grey: Vec<Grey>,
    palette: Option<Palette>,
    /// Whether the values are grey.
    pub is_grey: bool,
    /// Whether all values that can be stored are shown, where the file does not say which are black and white. Of deeper or
    /// signed values only those that it uses are.
    shows_all: bool,
}

impl Display {
    pub(super) fn of(object: &InMemDicomObject, format: &PixelFormat) -> Result<Self, DicomError> {
        let is_grey = matches!(format.photometric, Photometric::Monochrome1 | Photometric::Monochrome2);
        let palette = match format.photometric {
            Photometric::Palette => Some(Palette::of(object, format.signed)?),
            _ => None,
        };
        let shows_all = format.bits_stored <= 8 && !format.signed;
        Ok(Self { bits_stored: format.bits_stored, grey: greys(object, format), palette, is_grey, shows_all })
    }

    /// The windows that the file has for its first frame.
    pub(super) fn windows(&self) -> &[GreyWindow] {
        if self.is_grey { &self.grey[0].windows } else { &[] }
    }

    /// Whether a frame needs the range of values that the file uses.
    pub(super) fn needs_range(&self, frame: usize) -> bool {
        self.is_grey && !self.shows_all && !self.grey_of(frame).has_shades()
    }

    /// The window that shows a range of stored values from black to white.
    pub(super) fn whole(&self, range: Option<[i32; 2]>) -> GreyWindow {
        let [low, high] = range.unwrap_or([0, (1 << self.bits_stored) - 1]);
        let [low, high] = self.grey[0].range(low, high);
        // A linear window of this width has its ends at the two values.
        GreyWindow { center: (low + high + 1.0) / 2.0, width: high - low + 1.0, name: None }
    }

    /// Shows a frame's values; `range` stands in for a window that the file does not have.
    pub(super) fn rgb(
        &self,
        frame: usize,
        samples: &Samples,
        window: Option<&GreyWindow>,
        range: Option<[i32; 2]>,
    ) -> Vec<u8> {
        match (samples.photometric, &self.palette) {
            (Photometric::Palette, Some(palette)) => match &samples.values {
                Values::Bytes(values) => values.iter().flat_map(|&value| palette.color(value.into())).collect(),
                Values::Words(values) => values.iter().flat_map(|&value| palette.color(value)).collect(),
            },
            (Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette, _) => {
                self.shades(frame, samples, window, range)
            }
            (Photometric::Rgb, _) => self.bytes(samples),
            (Photometric::YbrFull | Photometric::YbrFull422, _) => {
                self.bytes(samples).as_chunks().0.iter().flat_map(|&ybr| ybr_to_rgb(ybr)).collect()
            }
        }
    }

    fn grey_of(&self, frame: usize) -> &Grey {
        self.grey.get(frame).unwrap_or(&self.grey[0])
    }

    fn shades(&self, frame: usize, samples: &Samples, window: Option<&GreyWindow>, range: Option<[i32; 2]>) -> Vec<u8> {
        let is_inverted = samples.photometric == Photometric::Monochrome1;
        let grey = self.grey_of(frame);
        let [low, high] = range.unwrap_or([0, (1 << self.bits_stored) - 1]);
        let range = grey.range(low, high);
        let shade = |value: i32| {
            let shade = (grey.shade(value, window, range) + 0.5).floor().clamp(0.0, 255.0) as u8;
            if is_inverted { 255 - shade } else { shade }
        };
        match &samples.values {
            Values::Bytes(values) => {
                let table: Vec<_> = (0..256).map(shade).collect();
                values.iter().flat_map(|&value| [table[usize::from(value)]; 3]).collect()
            }
            Values::Words(values) => values.iter().flat_map(|&value| [shade(value); 3]).collect(),
        }
    }

    /// Colour samples at 8 bits.
    fn bytes(&self, samples: &Samples) -> Vec<u8> {
        match &samples.values {
            Values::Bytes(values) => values.clone(),
            Values::Words(values) => {
                let max = (1 << self.bits_stored) - 1;
                values.iter().map(|&value| ((value.clamp(0, max) * 255 + max / 2) / max) as u8).collect()
            }
        }
    }
}

/// The lowest and the highest value of a frame.
pub(super) fn range(samples: &Samples) -> [i32; 2] {
    match &samples.values {
        Values::Bytes(_) => [0, 255],
        Values::Words(values) => {
            let low = values.iter().copied().min().unwrap_or(0);
            [low, values.iter().copied().max().unwrap_or(low)]
        }
    }
}

/// Full-range luma and chroma to red, green, blue (PS3.3 C.7.6.3.1.2; ISO/IEC 10918-5 section 7).
fn ybr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let green = y - (0.114 * 1.772 / 0.587) * cb - (0.299 * 1.402 / 0.587) * cr;
    [y + 1.402 * cr, green, y + 1.772 * cb].map(|value| (value + 0.5).floor().clamp(0.0, 255.0) as u8)
}

/// One for all frames, or one for each where functional groups say so (PS3.3 section C.7.6.16).
fn greys(object: &InMemDicomObject, format: &PixelFormat) -> Vec<Grey> {
    let of_all = Grey::of(object, format);
    let shared = items(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let of_each = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let says_shades = |groups: &InMemDicomObject| {
        [tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tags::FRAME_VOILUT_SEQUENCE]
            .iter()
            .any(|&tag| !items(groups, tag).is_empty())
    };
    let shared: Vec<_> = shared.into_iter().collect();
    if of_each.iter().any(says_shades) {
        of_each.iter().map(|own| of_all.with_groups(&[&shared[..], &[own]].concat())).collect()
    } else {
        vec![of_all.with_groups(&shared)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_and_primary_colours_come_out_of_luma_and_chroma() {
        assert_eq!(ybr_to_rgb([77, 128, 128]), [77; 3]);
        assert_eq!(ybr_to_rgb([76, 85, 255]), [254, 0, 0]);
    }
}
