//! Grey values to shades: the modality transformation, then the value of interest (PS3.3 sections C.7.6.16.2, C.11.1, C.11.2).

use std::borrow::Cow;
use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde::Serialize;

use super::attributes::{items, number, numbers, text, texts};
use super::palette::Descriptor;
use super::pixel_format::PixelFormat;

/// Which values are black and white.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GreyWindow {
    /// The value that is shown half grey, after the file's modality transformation.
    pub center: f64,
    /// From black to white.
    pub width: f64,
    /// What the file calls it.
    pub name: Option<String>,
}

/// How a frame's grey values become shades.
#[derive(Debug, Clone)]
pub(super) struct Grey {
    modality: Modality,
    function: Function,
    /// The file's windows.
    pub windows: Vec<GreyWindow>,
    /// The file's lookup table, which goes before its windows.
    table: Option<Table>,
}

/// Stored values to those that mean something.
#[derive(Debug, Clone)]
enum Modality {
    Linear { slope: f64, intercept: f64 },
    Table(Table),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Linear,
    LinearExact,
    Sigmoid,
}

impl Grey {
    /// A picture's.
    pub(super) fn of(object: &InMemDicomObject, format: &PixelFormat) -> Self {
        let slope = number(object, tags::RESCALE_SLOPE).filter(|&slope| slope != 0.0).unwrap_or(1.0);
        let intercept = number(object, tags::RESCALE_INTERCEPT).unwrap_or(0.0);
        let modality = match Table::first(object, tags::MODALITY_LUT_SEQUENCE, format.signed) {
            Some(table) => Modality::Table(table),
            None => Modality::Linear { slope, intercept },
        };
        let is_signed = match &modality {
            Modality::Linear { .. } => intercept < 0.0 || slope < 0.0 || (format.signed && intercept <= 0.0),
            Modality::Table(_) => false,
        };
        Self {
            table: Table::first(object, tags::VOILUT_SEQUENCE, is_signed),
            windows: windows(object),
            function: match text(object, tags::VOILUT_FUNCTION).as_deref() {
                Some("LINEAR_EXACT") => Function::LinearExact,
                Some("SIGMOID") => Function::Sigmoid,
                _ => Function::Linear,
            },
            modality,
        }
    }

    /// A frame's, in a file that describes its frames in functional groups: the shared ones, then its own.
    pub(super) fn with_groups(&self, groups: &[&InMemDicomObject]) -> Self {
        let mut grey = self.clone();
        for group in groups {
            if let Some(item) = items(group, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE).first() {
                let slope = number(item, tags::RESCALE_SLOPE).filter(|&slope| slope != 0.0).unwrap_or(1.0);
                grey.modality =
                    Modality::Linear { slope, intercept: number(item, tags::RESCALE_INTERCEPT).unwrap_or(0.0) };
            }
            if let Some(item) = items(group, tags::FRAME_VOILUT_SEQUENCE).first() {
                let windows = windows(item);
                if !windows.is_empty() {
                    grey.windows = windows;
                }
                grey.function = match text(item, tags::VOILUT_FUNCTION).as_deref() {
                    Some("LINEAR_EXACT") => Function::LinearExact,
                    Some("SIGMOID") => Function::Sigmoid,
                    _ => grey.function,
                };
            }
        }
        grey
    }

    /// Whether the file says which values are black and white.
    pub(super) fn has_shades(&self) -> bool {
        self.table.is_some() || !self.windows.is_empty()
    }

    /// The lowest and the highest value that stored values from `low` to `high` stand for.
    pub(super) fn range(&self, low: i32, high: i32) -> [f64; 2] {
        match &self.modality {
            Modality::Linear { .. } => {
                let (a, b) = (self.modality(low), self.modality(high));
                [a.min(b), a.max(b)]
            }
            Modality::Table(table) => [0.0, table.highest()],
        }
    }

    fn modality(&self, stored: i32) -> f64 {
        match &self.modality {
            Modality::Linear { slope, intercept } => slope * f64::from(stored) + intercept,
            Modality::Table(table) => table.value(f64::from(stored)),
        }
    }

    /// 0 for black to 255 for white, not yet clamped; `window` goes before what the file says, and `range` stands in for it.
    pub(super) fn shade(&self, stored: i32, window: Option<&GreyWindow>, range: [f64; 2]) -> f64 {
        let value = self.modality(stored);
        match (window, &self.table, self.windows.first()) {
            (None, Some(table), _) => 255.0 * table.value(value) / table.highest(),
            (Some(window), _, _) | (None, None, Some(window)) => 255.0 * self.function.part(value, window),
            (None, None, None) => 255.0 * (value - range[0]) / (range[1] - range[0]).max(f64::MIN_POSITIVE),
        }
    }
}

impl Function {
    /// 0 for black to 1 for white, not yet clamped (PS3.3 C.11.2.1.2 and C.11.2.1.3).
    fn part(self, value: f64, &GreyWindow { center, width, .. }: &GreyWindow) -> f64 {
        match self {
            // A window of one value is a threshold.
            Self::Linear if width <= 1.0 => f64::from(value > center - 0.5),
            Self::Linear => (value - (center - 0.5)) / (width - 1.0) + 0.5,
            Self::LinearExact => (value - center) / width + 0.5,
            Self::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
        }
    }
}

/// The windows of a picture or of a functional group; one without a width is none.
fn windows(object: &InMemDicomObject) -> Vec<GreyWindow> {
    let names = texts(object, tags::WINDOW_CENTER_WIDTH_EXPLANATION);
    let pairs = numbers(object, tags::WINDOW_CENTER).into_iter().zip(numbers(object, tags::WINDOW_WIDTH));
    let named = pairs.enumerate().map(|(i, (center, width))| GreyWindow { center, width, name: names.get(i).cloned() });
    named.filter(|window| window.width > 0.0).collect()
}

/// A lookup table (PS3.3 sections C.11.1.1.1 and C.11.2.1.1).
#[derive(Debug, Clone)]
struct Table {
    first: i32,
    /// At least one entry.
    entries: Arc<[u16]>,
    bits: u32,
}

impl Table {
    /// The first item's of a sequence; `None` where there is none, or it is damaged.
    fn first(object: &InMemDicomObject, sequence: Tag, is_signed: bool) -> Option<Self> {
        let item = items(object, sequence).first()?;
        let Descriptor { entries, first, bits } = Descriptor::of(item, tags::LUT_DESCRIPTOR, is_signed)?;
        let data: Cow<[u8]> = item.get(tags::LUT_DATA)?.to_bytes().ok()?;
        let entries: Arc<[u16]> = if data.len() >= entries * 2 {
            data.as_chunks().0.iter().take(entries).map(|&word| u16::from_ne_bytes(word)).collect()
        } else {
            data.get(..entries)?.iter().map(|&byte| byte.into()).collect()
        };
        Some(Self { first, entries, bits: bits.clamp(8, 16) })
    }

    fn value(&self, value: f64) -> f64 {
        let last = self.entries.len() - 1;
        let index = (value.round() - f64::from(self.first)).clamp(0.0, last as f64);
        self.entries[index as usize].into()
    }

    /// The largest value that entries can have.
    fn highest(&self) -> f64 {
        f64::from((1u32 << self.bits) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(function: Function, center: f64, width: f64) -> Grey {
        let windows = vec![GreyWindow { center, width, name: None }];
        Grey { modality: Modality::Linear { slope: 2.0, intercept: -10.0 }, function, windows, table: None }
    }

    fn shade(grey: &Grey, stored: i32) -> f64 {
        grey.shade(stored, None, [0.0, 0.0])
    }

    #[test]
    fn a_linear_window_is_black_below_and_white_above_as_the_standard_counts() {
        // PS3.3 C.11.2.1.2.1, example: center 2048, width 4096 takes 0 to 4095.
        let linear = grey(Function::Linear, 2048.0, 4096.0);
        assert_eq!(shade(&linear, 5), 0.0);
        assert!((shade(&linear, 2052) - 255.0 * 4094.0 / 4095.0).abs() < 1e-9);
        let threshold = grey(Function::Linear, 10.0, 1.0);
        assert_eq!((shade(&threshold, 9), shade(&threshold, 10)), (0.0, 255.0));
    }

    #[test]
    fn an_exact_window_and_a_sigmoid_are_half_grey_at_their_center() {
        assert_eq!(shade(&grey(Function::LinearExact, 90.0, 20.0), 50), 127.5);
        assert_eq!(shade(&grey(Function::Sigmoid, 90.0, 20.0), 50), 127.5);
    }

    #[test]
    fn a_window_that_is_asked_for_goes_before_the_files() {
        let wanted = GreyWindow { center: 90.0, width: 20.0, name: None };
        assert_eq!(grey(Function::LinearExact, 0.0, 1.0).shade(50, Some(&wanted), [0.0, 0.0]), 127.5);
    }

    #[test]
    fn a_falling_slope_without_a_window_shows_high_values_dark() {
        let falling = Grey {
            modality: Modality::Linear { slope: -1.0, intercept: 255.0 },
            windows: Vec::new(),
            ..grey(Function::Linear, 0.0, 1.0)
        };
        let range = falling.range(0, 255);
        assert_eq!(range, [0.0, 255.0]);
        assert_eq!([0, 255].map(|stored| falling.shade(stored, None, range)), [255.0, 0.0]);
    }

    #[test]
    fn a_table_is_taken_before_a_window_and_holds_its_ends() {
        let table = Table { first: -5, entries: Arc::from([0, 255, 51]), bits: 8 };
        let grey = Grey { table: Some(table), ..grey(Function::Linear, 0.0, 1.0) };
        // Stored 2, 3 and 4 mean -6, -4 and -2.
        assert_eq!([2, 3, 4].map(|stored| shade(&grey, stored)), [0.0, 255.0, 51.0]);
    }
}
