//! What a file says of its pictures: timing, ultrasound regions, spacing, the device. Nothing of the patient.

use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use serde::Serialize;

use super::attributes::{integer, items, number, numbers, text};
use super::layout::Layout;
use super::pixel_format::PixelFormat;

/// What a file says of its pictures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DicomInfo {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Frames that the file holds; the last one may be cut short.
    pub frames: usize,
    /// Frames that the file promises and does not hold.
    pub missing_frames: usize,
    /// Seconds that each frame is shown; `None` where it is one frame, or the file does not say.
    pub frame_seconds: Option<Vec<f64>>,
    /// The ultrasound regions that lie in the picture, in the file's order.
    pub regions: Vec<UltrasoundRegion>,
    /// The region a crop should take, `[left, top, right, bottom]`: the largest two-dimensional tissue region.
    pub crop: Option<[usize; 4]>,
    /// The crop region's spacing; where there is no region, the whole picture's.
    pub spacing: Option<PixelSpacing>,
    /// How the file is written.
    pub transfer_syntax: TransferSyntaxName,
    /// Whether the pictures lost detail when they were compressed.
    pub lossy: bool,
    /// As in the file.
    pub photometric_interpretation: Option<String>,
    /// Bits of a stored value.
    pub bits_stored: u32,
    /// The kind of device: US for ultrasound.
    pub modality: Option<String>,
    /// The device's manufacturer.
    pub manufacturer: Option<String>,
    /// The device's model.
    pub model_name: Option<String>,
    /// What the series shows, in the words of those who took it.
    pub series_description: Option<String>,
}

/// A transfer syntax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransferSyntaxName {
    /// Its unique identifier.
    pub uid: String,
    /// Its name in the standard.
    pub name: String,
}

/// Millimetres from one pixel to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PixelSpacing {
    /// From a column to the next.
    pub x_mm: f64,
    /// From a row to the next.
    pub y_mm: f64,
    /// Who says so.
    pub source: SpacingSource,
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
    /// Its spacing, where both axes are lengths.
    pub spacing: Option<PixelSpacing>,
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

impl DicomInfo {
    pub(super) fn of(object: &InMemDicomObject, layout: &Layout, format: &PixelFormat, frames: [usize; 2]) -> Self {
        let [frames, missing_frames] = frames;
        let regions = regions(object, format);
        let crop = crop(&regions);
        Self {
            width: format.columns,
            height: format.rows,
            frames,
            missing_frames,
            frame_seconds: frame_seconds(object, frames),
            crop: crop.map(|region| region.bounding_box),
            spacing: crop.map_or_else(|| picture_spacing(object), |region| region.spacing),
            regions,
            transfer_syntax: TransferSyntaxName {
                uid: layout.transfer_syntax.uid().to_owned(),
                name: layout.transfer_syntax.name().to_owned(),
            },
            lossy: is_lossy(object, layout.transfer_syntax.uid()),
            photometric_interpretation: text(object, tags::PHOTOMETRIC_INTERPRETATION),
            bits_stored: format.bits_stored,
            modality: text(object, tags::MODALITY),
            manufacturer: text(object, tags::MANUFACTURER),
            model_name: text(object, tags::MANUFACTURER_MODEL_NAME),
            series_description: text(object, tags::SERIES_DESCRIPTION),
        }
    }
}

fn is_lossy(object: &InMemDicomObject, transfer_syntax: &str) -> bool {
    matches!(transfer_syntax, uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT)
        || text(object, tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01")
}

/// Seconds of each frame, from the first of: the vector of frame times, the frame time, the cine rate, the rate that is
/// recommended for display (PS3.3 sections C.7.6.5 and C.7.6.6).
fn frame_seconds(object: &InMemDicomObject, frames: usize) -> Option<Vec<f64>> {
    if frames < 2 {
        return None;
    }
    // The first of these times is that before the first frame; the last frame is shown as long as the one before it.
    let vector = numbers(object, tags::FRAME_TIME_VECTOR);
    if vector.len() >= frames && vector[1..frames].iter().all(|&time| time > 0.0) {
        let mut seconds: Vec<_> = vector[1..frames].iter().map(|time| time / 1000.0).collect();
        seconds.push(seconds[frames - 2]);
        return Some(seconds);
    }
    let positive = |tag| number(object, tag).filter(|&value| value > 0.0);
    let seconds = positive(tags::FRAME_TIME)
        .map(|milliseconds| milliseconds / 1000.0)
        .or_else(|| positive(tags::CINE_RATE).map(f64::recip))
        .or_else(|| positive(tags::RECOMMENDED_DISPLAY_FRAME_RATE).map(f64::recip))?;
    Some(vec![seconds; frames])
}

/// The regions that lie in the picture. One that reaches out of it is of another picture, from which this one was made,
/// and its spacing would be wrong here. A region's last column is in it, but some writers give the one after it.
fn regions(object: &InMemDicomObject, format: &PixelFormat) -> Vec<UltrasoundRegion> {
    let region = |item: &InMemDicomObject| {
        let at = |tag| integer(item, tag).and_then(|value| usize::try_from(value).ok());
        let (left, top) = (at(tags::REGION_LOCATION_MIN_X0)?, at(tags::REGION_LOCATION_MIN_Y0)?);
        let (right, bottom) = (at(tags::REGION_LOCATION_MAX_X1)?, at(tags::REGION_LOCATION_MAX_Y1)?);
        if left >= right || top >= bottom || right > format.columns || bottom > format.rows {
            return None;
        }
        Some(UltrasoundRegion {
            bounding_box: [left, top, (right + 1).min(format.columns), (bottom + 1).min(format.rows)],
            spatial_format: spatial_format(integer(item, tags::REGION_SPATIAL_FORMAT)),
            data_type: data_type(integer(item, tags::REGION_DATA_TYPE)),
            spacing: region_spacing(item),
        })
    };
    items(object, tags::SEQUENCE_OF_ULTRASOUND_REGIONS).iter().filter_map(region).collect()
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

fn region_spacing(item: &InMemDicomObject) -> Option<PixelSpacing> {
    const CENTIMETRES: i64 = 3;
    let lengths = [tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_UNITS_Y_DIRECTION];
    if lengths.iter().any(|&unit| integer(item, unit) != Some(CENTIMETRES)) {
        return None;
    }
    // A negative delta says that the axis points the other way.
    let millimetres = |tag| number(item, tag).map(|delta| delta.abs() * 10.0);
    spacing(millimetres(tags::PHYSICAL_DELTA_X)?, millimetres(tags::PHYSICAL_DELTA_Y)?, SpacingSource::UltrasoundRegion)
}

fn crop(regions: &[UltrasoundRegion]) -> Option<&UltrasoundRegion> {
    let area = |[left, top, right, bottom]: [usize; 4]| (right - left) * (bottom - top);
    regions
        .iter()
        .filter(|region| region.spatial_format == SpatialFormat::TwoDimensional && region.data_type == DataType::Tissue)
        .max_by_key(|region| area(region.bounding_box))
}

/// The spacing of a picture without regions: rows first, as the attributes have it.
fn picture_spacing(object: &InMemDicomObject) -> Option<PixelSpacing> {
    let of = |object: &InMemDicomObject, tag, source| match numbers(object, tag)[..] {
        [y_mm, x_mm] => spacing(x_mm, y_mm, source),
        _ => None,
    };
    let shared = || {
        let groups = items(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first()?;
        let measures = items(groups, tags::PIXEL_MEASURES_SEQUENCE).first()?;
        of(measures, tags::PIXEL_SPACING, SpacingSource::PixelSpacing)
    };
    of(object, tags::PIXEL_SPACING, SpacingSource::PixelSpacing)
        .or_else(shared)
        .or_else(|| of(object, tags::IMAGER_PIXEL_SPACING, SpacingSource::ImagerPixelSpacing))
}

fn spacing(x_mm: f64, y_mm: f64, source: SpacingSource) -> Option<PixelSpacing> {
    (x_mm > 0.0 && y_mm > 0.0).then_some(PixelSpacing { x_mm, y_mm, source })
}
