//! What a file says of its pictures: times, regions, spacing, windows, the device. Nothing of the patient.

use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use serde::Serialize;

use super::attributes::text;
use super::display::Display;
use super::grey::GreyWindow;
use super::layout::Layout;
use super::notes::DicomNote;
use super::pixel_format::PixelFormat;
use super::regions::{self, PixelSpacing, UltrasoundRegion};
use super::timing::Timing;

/// What a file says of its pictures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DicomInfo {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Frames that the file holds, even where it says that it has fewer; the last one may be cut short.
    pub frames: usize,
    /// Frames that the file promises and does not hold.
    pub missing_frames: usize,
    /// When each frame was taken, in seconds since the first; `None` where it is one frame, or the file does not say.
    pub frame_times: Option<Vec<f64>>,
    /// Frames a second that the file recommends to play; it is no measured time.
    pub playback_rate: Option<f64>,
    /// The ultrasound regions that lie in the picture, in the file's order.
    pub regions: Vec<UltrasoundRegion>,
    /// The region a crop should take, `[left, top, right, bottom]`: the largest two-dimensional tissue region.
    pub crop: Option<[usize; 4]>,
    /// The spacing that counts in the whole picture. `None` where the file does not say it, and where regions are
    /// calibrated: a region's spacing counts in that region alone.
    pub picture_spacing: Option<PixelSpacing>,
    /// The width of a pixel over its height; 1 where it is square.
    pub pixel_aspect: f64,
    /// Whether its pictures are grey, so that a window can be chosen.
    pub grey: bool,
    /// The windows that the file has for them; the first is taken where none is chosen.
    pub windows: Vec<GreyWindow>,
    /// What is not as the file says.
    pub notes: Vec<DicomNote>,
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

impl DicomInfo {
    pub(super) fn of(
        object: &InMemDicomObject,
        layout: &Layout,
        format: &PixelFormat,
        display: &Display,
        frames: [usize; 2],
        mut notes: Vec<DicomNote>,
    ) -> Self {
        let [frames, missing_frames] = frames;
        let (regions, outside) = regions::regions(object, format);
        if outside > 0 {
            notes.push(DicomNote::RegionsOutside { count: outside });
        }
        let is_calibrated = regions.iter().any(|region| region.spacing.is_some());
        let picture_spacing = if is_calibrated { None } else { regions::picture_spacing(object) };
        if picture_spacing.is_some_and(|spacing| !spacing.source.is_in_the_patient()) {
            notes.push(DicomNote::SpacingAtDetector);
        }
        let pixel_aspect = regions::pixel_aspect(object, picture_spacing.as_ref(), &regions);
        if pixel_aspect != 1.0 {
            notes.push(DicomNote::PixelAspect { thousandths: (pixel_aspect * 1000.0).round() as u32 });
        }
        let Timing { times, playback_rate } = Timing::of(object, frames, &mut notes);
        Self {
            width: format.columns,
            height: format.rows,
            frames,
            missing_frames,
            frame_times: times,
            playback_rate,
            crop: regions::crop(&regions).map(|region| region.bounding_box),
            regions,
            picture_spacing,
            pixel_aspect,
            grey: display.is_grey,
            windows: display.windows().to_vec(),
            notes,
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

    /// The spacing that counts at a pixel: the smallest calibrated two-dimensional region's that it lies in, else the whole
    /// picture's; none in an M-mode, a spectrum or a curve.
    pub fn spacing_at(&self, x: usize, y: usize) -> Option<PixelSpacing> {
        let area = |[left, top, right, bottom]: [usize; 4]| (right - left) * (bottom - top);
        let here = || self.regions.iter().filter(|region| region.holds(x, y));
        let calibrated = here().filter(|region| region.is_two_dimensional() && region.spacing.is_some());
        match calibrated.min_by_key(|region| area(region.bounding_box)) {
            Some(region) => region.spacing,
            None if here().any(UltrasoundRegion::is_over_time) => None,
            None => self.picture_spacing,
        }
    }

    /// The spacing of the pixels in the patient, where it is the same wherever it is known.
    pub fn common_spacing(&self) -> Option<PixelSpacing> {
        let two_dimensional = self.regions.iter().filter(|region| region.is_two_dimensional());
        let mut spacings = two_dimensional.filter_map(|region| region.spacing);
        match spacings.next() {
            Some(first) => spacings.all(|spacing| spacing.is_like(&first)).then_some(first),
            None => self.picture_spacing.filter(|spacing| spacing.source.is_in_the_patient()),
        }
    }
}

fn is_lossy(object: &InMemDicomObject, transfer_syntax: &str) -> bool {
    matches!(transfer_syntax, uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT)
        || text(object, tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01")
}
