//! Ultrasound regions and pixel sizes (PS3.3 sections C.8.5.5 and 10.7): where a millimetre is known, and from what.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde::Serialize;

use super::attributes::{integer, items, number, numbers};
use super::pixel_format::PixelFormat;

/// Millimetres from one pixel to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PixelSpacing {
    /// From a column to the next.
    pub x_mm: f64,
    /// From a row to the next.
    pub y_mm: f64,
    /// Where the value comes from.
    pub source: SpacingSource,
}

impl PixelSpacing {
    /// Whether lengths of both agree, but for rounding.
    pub fn is_like(&self, other: &Self) -> bool {
        is_same(self.x_mm, other.x_mm) && is_same(self.y_mm, other.y_mm)
    }
}

/// The attribute that a spacing is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SpacingSource {
    /// Physical Delta X and Y of an ultrasound region.
    #[serde(rename = "ultrasound region")]
    UltrasoundRegion,
    /// Pixel Spacing.
    #[serde(rename = "pixel spacing")]
    PixelSpacing,
    /// Imager Pixel Spacing: at the detector, not in the patient.
    #[serde(rename = "imager pixel spacing")]
    ImagerPixelSpacing,
    /// Nominal Scanned Pixel Spacing: on the film that was scanned, not in the patient.
    #[serde(rename = "nominal scanned pixel spacing")]
    NominalScannedPixelSpacing,
}

impl SpacingSource {
    /// Whether lengths are those in the patient, not at a detector or on a film.
    pub fn is_in_the_patient(self) -> bool {
        matches!(self, Self::UltrasoundRegion | Self::PixelSpacing)
    }
}

/// An item of the Sequence of Ultrasound Regions (PS3.3 section C.8.5.5).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UltrasoundRegion {
    /// `[left, top, right, bottom]` in pixels, without the right column and the bottom row.
    pub bounding_box: [usize; 4],
    /// What is drawn in it.
    pub spatial_format: SpatialFormat,
    /// What its pixels mean.
    pub data_type: DataType,
    /// From a column to the next.
    pub x: RegionAxis,
    /// From a row to the next.
    pub y: RegionAxis,
    /// Its spacing, where both axes are lengths: never along the seconds of an M-mode or a spectrum.
    pub spacing: Option<PixelSpacing>,
}

impl UltrasoundRegion {
    /// Whether a pixel lies in it.
    pub fn holds(&self, x: usize, y: usize) -> bool {
        let [left, top, right, bottom] = self.bounding_box;
        (left..right).contains(&x) && (top..bottom).contains(&y)
    }

    /// Whether it is a two-dimensional picture.
    pub fn is_two_dimensional(&self) -> bool {
        self.spatial_format == SpatialFormat::TwoDimensional
    }

    /// Whether its columns are times.
    pub fn is_over_time(&self) -> bool {
        matches!(self.spatial_format, SpatialFormat::MMode | SpatialFormat::Spectral | SpatialFormat::Waveform)
    }
}

/// What the pixels along a region's side stand for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RegionAxis {
    /// The quantity's unit.
    pub unit: AxisUnit,
    /// How much of it a pixel is, more than 0; `None` where the file does not say.
    pub per_pixel: Option<f64>,
}

/// Physical Units X and Y Direction (PS3.3 section C.8.5.5.1.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AxisUnit {
    /// No unit.
    #[serde(rename = "none")]
    None,
    /// Percent.
    #[serde(rename = "percent")]
    Percent,
    /// Decibels.
    #[serde(rename = "dB")]
    Decibels,
    /// Centimetres.
    #[serde(rename = "cm")]
    Centimetres,
    /// Seconds.
    #[serde(rename = "seconds")]
    Seconds,
    /// Hertz.
    #[serde(rename = "hertz")]
    Hertz,
    /// Decibels a second.
    #[serde(rename = "dB/s")]
    DecibelsPerSecond,
    /// Centimetres a second.
    #[serde(rename = "cm/s")]
    CentimetresPerSecond,
    /// Square centimetres.
    #[serde(rename = "cm2")]
    SquareCentimetres,
    /// Square centimetres a second.
    #[serde(rename = "cm2/s")]
    SquareCentimetresPerSecond,
    /// Cubic centimetres.
    #[serde(rename = "cm3")]
    CubicCentimetres,
    /// Cubic centimetres a second.
    #[serde(rename = "cm3/s")]
    CubicCentimetresPerSecond,
    /// Degrees.
    #[serde(rename = "degrees")]
    Degrees,
    /// A code that is not the standard's, or none.
    #[serde(rename = "unknown")]
    Unknown,
}

/// Region Spatial Format (PS3.3 section C.8.5.5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SpatialFormat {
    /// A two-dimensional picture.
    #[serde(rename = "2d")]
    TwoDimensional,
    /// Depth over time.
    #[serde(rename = "m-mode")]
    MMode,
    /// Frequency or velocity over time.
    #[serde(rename = "spectral")]
    Spectral,
    /// A curve over time.
    #[serde(rename = "waveform")]
    Waveform,
    /// Drawings.
    #[serde(rename = "graphics")]
    Graphics,
    /// None of these.
    #[serde(rename = "none")]
    None,
}

/// Region Data Type (PS3.3 section C.8.5.5.1.2), in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DataType {
    /// Brightness of tissue.
    #[serde(rename = "tissue")]
    Tissue,
    /// Colour flow.
    #[serde(rename = "colour flow")]
    ColourFlow,
    /// Doppler spectra and traces of them.
    #[serde(rename = "doppler")]
    Doppler,
    /// Electrocardiogram.
    #[serde(rename = "ecg")]
    Ecg,
    /// Another of the standard's types.
    #[serde(rename = "other")]
    Other,
    /// A code that is not the standard's.
    #[serde(rename = "unknown")]
    Unknown,
}

/// The regions that lie in the picture, and how many do not. One that reaches out of it is of another picture, from which
/// this one was made, and its spacing would be wrong here. A region's last column is in it, but some writers give the one
/// after it.
pub(super) fn regions(object: &InMemDicomObject, format: &PixelFormat) -> (Vec<UltrasoundRegion>, usize) {
    let region = |item: &InMemDicomObject| {
        let at = |tag| integer(item, tag).and_then(|value| usize::try_from(value).ok());
        let (left, top) = (at(tags::REGION_LOCATION_MIN_X0)?, at(tags::REGION_LOCATION_MIN_Y0)?);
        let (right, bottom) = (at(tags::REGION_LOCATION_MAX_X1)?, at(tags::REGION_LOCATION_MAX_Y1)?);
        if left >= right || top >= bottom || right > format.columns || bottom > format.rows {
            return None;
        }
        let x = axis(item, tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_DELTA_X);
        let y = axis(item, tags::PHYSICAL_UNITS_Y_DIRECTION, tags::PHYSICAL_DELTA_Y);
        Some(UltrasoundRegion {
            bounding_box: [left, top, (right + 1).min(format.columns), (bottom + 1).min(format.rows)],
            spatial_format: spatial_format(integer(item, tags::REGION_SPATIAL_FORMAT)),
            data_type: data_type(integer(item, tags::REGION_DATA_TYPE)),
            spacing: region_spacing(x, y),
            x,
            y,
        })
    };
    let items = items(object, tags::SEQUENCE_OF_ULTRASOUND_REGIONS);
    let regions: Vec<_> = items.iter().filter_map(region).collect();
    let outside = items.len() - regions.len();
    (regions, outside)
}

fn spatial_format(code: Option<i64>) -> SpatialFormat {
    match code {
        Some(1) => SpatialFormat::TwoDimensional,
        Some(2) => SpatialFormat::MMode,
        Some(3) => SpatialFormat::Spectral,
        Some(4) => SpatialFormat::Waveform,
        Some(5) => SpatialFormat::Graphics,
        _ => SpatialFormat::None,
    }
}

fn data_type(code: Option<i64>) -> DataType {
    match code {
        Some(1) => DataType::Tissue,
        Some(2) => DataType::ColourFlow,
        Some(3..=7) => DataType::Doppler,
        Some(0xA) => DataType::Ecg,
        Some(8..=9 | 0xB..=0x12) => DataType::Other,
        _ => DataType::Unknown,
    }
}

fn axis(item: &InMemDicomObject, unit: Tag, delta: Tag) -> RegionAxis {
    let unit = match integer(item, unit) {
        Some(0) => AxisUnit::None,
        Some(1) => AxisUnit::Percent,
        Some(2) => AxisUnit::Decibels,
        Some(3) => AxisUnit::Centimetres,
        Some(4) => AxisUnit::Seconds,
        Some(5) => AxisUnit::Hertz,
        Some(6) => AxisUnit::DecibelsPerSecond,
        Some(7) => AxisUnit::CentimetresPerSecond,
        Some(8) => AxisUnit::SquareCentimetres,
        Some(9) => AxisUnit::SquareCentimetresPerSecond,
        Some(0xA) => AxisUnit::CubicCentimetres,
        Some(0xB) => AxisUnit::CubicCentimetresPerSecond,
        Some(0xC) => AxisUnit::Degrees,
        _ => AxisUnit::Unknown,
    };
    // A negative delta says that the axis points the other way.
    RegionAxis { unit, per_pixel: number(item, delta).map(f64::abs).filter(|&delta| delta > 0.0) }
}

fn region_spacing(x: RegionAxis, y: RegionAxis) -> Option<PixelSpacing> {
    let millimetres = |axis: RegionAxis| match axis.unit {
        AxisUnit::Centimetres => axis.per_pixel.map(|centimetres| centimetres * 10.0),
        _ => None,
    };
    spacing(millimetres(x)?, millimetres(y)?, SpacingSource::UltrasoundRegion)
}

/// The largest two-dimensional tissue region.
pub(super) fn crop(regions: &[UltrasoundRegion]) -> Option<&UltrasoundRegion> {
    let area = |[left, top, right, bottom]: [usize; 4]| (right - left) * (bottom - top);
    regions
        .iter()
        .filter(|region| region.is_two_dimensional() && region.data_type == DataType::Tissue)
        .max_by_key(|region| area(region.bounding_box))
}

/// The spacing that counts in the whole picture: rows first, as the attributes have it.
pub(super) fn picture_spacing(object: &InMemDicomObject) -> Option<PixelSpacing> {
    use SpacingSource as Source;
    let of = |object: &InMemDicomObject, tag, source| match numbers(object, tag)[..] {
        [y_mm, x_mm] => spacing(x_mm, y_mm, source),
        _ => None,
    };
    let in_groups = |sequence| {
        let measures = items(items(object, sequence).first()?, tags::PIXEL_MEASURES_SEQUENCE).first()?;
        of(measures, tags::PIXEL_SPACING, Source::PixelSpacing)
    };
    of(object, tags::PIXEL_SPACING, Source::PixelSpacing)
        .or_else(|| in_groups(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE))
        .or_else(|| in_groups(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE))
        .or_else(|| of(object, tags::IMAGER_PIXEL_SPACING, Source::ImagerPixelSpacing))
        .or_else(|| of(object, tags::NOMINAL_SCANNED_PIXEL_SPACING, Source::NominalScannedPixelSpacing))
}

/// The width of a pixel over its height: by the picture's spacing, else by that of its regions, where all agree, else as the
/// file says (Pixel Aspect Ratio stands in for a spacing).
pub(super) fn pixel_aspect(
    object: &InMemDicomObject,
    picture: Option<&PixelSpacing>,
    regions: &[UltrasoundRegion],
) -> f64 {
    let said = match numbers(object, tags::PIXEL_ASPECT_RATIO)[..] {
        [height, width] if height > 0.0 && width > 0.0 => Some(width / height),
        _ => None,
    };
    let of = |spacing: &PixelSpacing| spacing.x_mm / spacing.y_mm;
    let agreed = || {
        let mut all = regions.iter().filter_map(|region| region.spacing.as_ref().map(of));
        let first = all.next()?;
        all.all(|aspect| is_same(aspect, first)).then_some(first)
    };
    let aspect = picture.map(of).or_else(agreed).or(said).unwrap_or(1.0);
    if is_same(aspect, 1.0) { 1.0 } else { aspect }
}

/// Alike but for rounding.
fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 0.002 * b
}

fn spacing(x_mm: f64, y_mm: f64, source: SpacingSource) -> Option<PixelSpacing> {
    (x_mm > 0.0 && y_mm > 0.0).then_some(PixelSpacing { x_mm, y_mm, source })
}
