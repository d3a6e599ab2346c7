//! Stored values to the colours of a screen (PS3.3 sections C.7.6.3.1, C.7.9, C.11.1, C.11.2): values -> `[rows, columns, 3]`.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::DicomError;
use super::attributes::{number, numbers, text};
use super::codec::{Samples, Values};
use super::pixel_format::{Photometric, PixelFormat};

/// What a file says of how its values are shown.
#[derive(Debug)]
pub(super) struct Display {
    bits_stored: u32,
    window: Option<Window>,
    palette: Option<Palette>,
    /// Whether grey values need the range that they take in the file, because nothing says which are black and white.
    pub needs_range: bool,
}

impl Display {
    pub(super) fn of(object: &InMemDicomObject, format: &PixelFormat) -> Result<Self, DicomError> {
        let is_grey = matches!(format.photometric, Photometric::Monochrome1 | Photometric::Monochrome2);
        let window = if is_grey { Window::of(object) } else { None };
        Ok(Self {
            bits_stored: format.bits_stored,
            needs_range: is_grey && window.is_none() && (format.bits_stored > 8 || format.signed),
            window,
            palette: if format.photometric == Photometric::Palette { Some(Palette::of(object)?) } else { None },
        })
    }

    /// Shows values; `range` stands in for a window that the file does not have.
    pub(super) fn rgb(&self, samples: &Samples, range: Option<[i32; 2]>) -> Vec<u8> {
        match (samples.photometric, &self.palette) {
            (Photometric::Palette, Some(palette)) => match &samples.values {
                Values::Bytes(values) => values.iter().flat_map(|&value| palette.color(value.into())).collect(),
                Values::Words(values) => values.iter().flat_map(|&value| palette.color(value)).collect(),
            },
            (Photometric::Monochrome1, _) => self.grey(samples, range, true),
            (Photometric::Monochrome2 | Photometric::Palette, _) => self.grey(samples, range, false),
            (Photometric::Rgb, _) => self.bytes(samples),
            (Photometric::YbrFull | Photometric::YbrFull422, _) => {
                self.bytes(samples).as_chunks().0.iter().flat_map(|&ybr| ybr_to_rgb(ybr)).collect()
            }
        }
    }

    fn grey(&self, samples: &Samples, range: Option<[i32; 2]>, inverted: bool) -> Vec<u8> {
        let shade = |value: i32| {
            let shade = match (&self.window, range) {
                (Some(window), _) => window.shade(value),
                (None, Some([low, high])) => 255.0 * f64::from(value - low) / f64::from((high - low).max(1)),
                (None, None) => 255.0 * f64::from(value) / f64::from((1 << self.bits_stored) - 1),
            };
            let shade = (shade + 0.5).floor().clamp(0.0, 255.0) as u8;
            if inverted { 255 - shade } else { shade }
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

/// Which values are black and white: a linear rescale, then the VOI LUT function (PS3.3 C.11.2.1.2, C.11.2.1.3).
#[derive(Debug)]
struct Window {
    slope: f64,
    intercept: f64,
    center: f64,
    width: f64,
    function: VoiLutFunction,
}

#[derive(Debug)]
enum VoiLutFunction {
    Linear,
    LinearExact,
    Sigmoid,
}

impl Window {
    /// The file's first window.
    fn of(object: &InMemDicomObject) -> Option<Self> {
        let (center, width) = (number(object, tags::WINDOW_CENTER)?, number(object, tags::WINDOW_WIDTH)?);
        let (function, narrowest) = match text(object, tags::VOILUT_FUNCTION).as_deref() {
            Some("LINEAR_EXACT") => (VoiLutFunction::LinearExact, f64::MIN_POSITIVE),
            Some("SIGMOID") => (VoiLutFunction::Sigmoid, f64::MIN_POSITIVE),
            _ => (VoiLutFunction::Linear, 1.0),
        };
        let slope = number(object, tags::RESCALE_SLOPE).unwrap_or(1.0);
        let intercept = number(object, tags::RESCALE_INTERCEPT).unwrap_or(0.0);
        (width >= narrowest).then_some(Self { slope, intercept, center, width, function })
    }

    /// 0 for black to 255 for white, not yet clamped.
    fn shade(&self, value: i32) -> f64 {
        let x = self.slope * f64::from(value) + self.intercept;
        let part = match self.function {
            // A window of one value is a threshold.
            VoiLutFunction::Linear if self.width == 1.0 => f64::from(x > self.center - 0.5),
            VoiLutFunction::Linear => (x - (self.center - 0.5)) / (self.width - 1.0) + 0.5,
            VoiLutFunction::LinearExact => (x - self.center) / self.width + 0.5,
            VoiLutFunction::Sigmoid => 1.0 / (1.0 + (-4.0 * (x - self.center) / self.width).exp()),
        };
        255.0 * part
    }
}

/// The palette colour lookup tables (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6).
#[derive(Debug)]
struct Palette {
    /// The value of the first entry.
    first: i32,
    /// At least one entry.
    colors: Vec<[u8; 3]>,
}

impl Palette {
    fn of(object: &InMemDicomObject) -> Result<Self, DicomError> {
        const CHANNELS: [(&str, Tag, Tag); 3] = [
            (
                "RedPaletteColorLookupTable",
                tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ),
            (
                "GreenPaletteColorLookupTable",
                tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ),
            (
                "BluePaletteColorLookupTable",
                tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ),
        ];
        let mut first = 0;
        let mut channels = Vec::with_capacity(3);
        for (name, descriptor, data) in CHANNELS {
            let descriptor = numbers(object, descriptor);
            let &[entries, start, bits] = &descriptor[..] else { return Err(DicomError::AttributeMissing { name }) };
            first = start as i32;
            let data = object.get(data).and_then(|element| element.to_bytes().ok());
            let data = data.ok_or(DicomError::AttributeMissing { name })?;
            // 65536 entries do not fit the attribute's 16 bits and are written as 0.
            let entries = if entries == 0.0 { 65536 } else { (entries as i32 as u16).into() };
            let table = table(&data, entries, bits as u32);
            channels.push(
                table.ok_or_else(|| DicomError::AttributeValue { name, value: format!("{} bytes", data.len()) })?,
            );
        }
        let colors = channels[0].iter().zip(&channels[1]).zip(&channels[2]).map(|((&r, &g), &b)| [r, g, b]).collect();
        Ok(Self { first, colors })
    }

    fn color(&self, value: i32) -> [u8; 3] {
        let last = self.colors.len() as i32 - 1;
        self.colors[value.saturating_sub(self.first).clamp(0, last) as usize]
    }
}

/// One channel's entries at 8 bits; `None` where they are fewer than said.
fn table(data: &[u8], entries: usize, bits: u32) -> Option<Vec<u8>> {
    if data.len() < entries * 2 {
        return data.get(..entries).map(<[u8]>::to_vec);
    }
    let words: Vec<_> = data.as_chunks().0.iter().take(entries).map(|&word| u16::from_ne_bytes(word)).collect();
    // Some writers keep 8-bit entries in a table that they call one of 16 bits.
    let low = bits <= 8 || words.iter().all(|&word| word < 256);
    Some(words.into_iter().map(|word| if low { word as u8 } else { (word >> 8) as u8 }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(function: VoiLutFunction, center: f64, width: f64) -> Window {
        Window { slope: 2.0, intercept: -10.0, center, width, function }
    }

    #[test]
    fn a_linear_window_is_black_below_and_white_above_as_the_standard_counts() {
        // PS3.3 C.11.2.1.2.1, example: center 2048, width 4096 takes 0 to 4095.
        let linear = window(VoiLutFunction::Linear, 2048.0, 4096.0);
        assert_eq!(linear.shade(5), 0.0);
        assert!((linear.shade(2052) - 255.0 * 4094.0 / 4095.0).abs() < 1e-9);
        let threshold = window(VoiLutFunction::Linear, 10.0, 1.0);
        assert_eq!((threshold.shade(9), threshold.shade(10)), (0.0, 255.0));
    }

    #[test]
    fn an_exact_window_and_a_sigmoid_are_half_grey_at_their_center() {
        assert_eq!(window(VoiLutFunction::LinearExact, 90.0, 20.0).shade(50), 127.5);
        assert_eq!(window(VoiLutFunction::Sigmoid, 90.0, 20.0).shade(50), 127.5);
    }

    #[test]
    fn grey_and_primary_colours_come_out_of_luma_and_chroma() {
        assert_eq!(ybr_to_rgb([77, 128, 128]), [77; 3]);
        assert_eq!(ybr_to_rgb([76, 85, 255]), [254, 0, 0]);
    }

    #[test]
    fn palette_entries_are_bytes_words_or_words_that_hold_bytes() {
        assert_eq!(table(&[1, 2, 3], 3, 8), Some(vec![1, 2, 3]));
        assert_eq!(table(&[0x00, 0x12, 0xFF, 0xFF], 2, 16), Some(vec![0x12, 0xFF]));
        assert_eq!(table(&[7, 0, 9, 0], 2, 16), Some(vec![7, 9]));
        assert_eq!(table(&[1, 2, 3], 4, 8), None);
    }

    #[test]
    fn values_outside_a_palette_take_its_first_and_last_entry() {
        let palette = Palette { first: 10, colors: vec![[1; 3], [2; 3]] };
        assert_eq!([i32::MIN, 10, 11, 300].map(|value| palette.color(value)[0]), [1, 1, 2, 2]);
    }
}
