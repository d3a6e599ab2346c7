//! A segmentation object back to class maps (PS3.3 section A.51): binary, fractional or a map of labels.

use std::collections::BTreeMap;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::color::srgb;
use super::{SegmentAlgorithm, SegmentationMasks, SegmentationReadError, SegmentedFrame, SegmentedSegment};
use crate::dicom::attributes::{integer, integers, items, numbers, text};
use crate::dicom::codec::Values;
use crate::dicom::data_set::{DataSet, PixelData};
use crate::dicom::frames::Frames;
use crate::dicom::layout::Layout;
use crate::dicom::pixel_format::{Photometric, PixelFormat};
use crate::dicom::{DicomError, DicomFile, DicomKind, DicomNote, kind_of};

impl DicomFile {
    /// The masks of a segmentation object that was made for this file.
    ///
    /// # Errors
    /// [`SegmentationReadError`].
    pub fn masks(&self, segmentation: &[u8]) -> Result<SegmentationMasks, SegmentationReadError> {
        let layout = Layout::of(segmentation)?;
        let DataSet { object, pixel_data, .. } =
            DataSet::read(segmentation, layout.data_set, layout.encoding, tags::PIXEL_DATA)?;
        let class = text(&object, tags::SOP_CLASS_UID).or_else(|| layout.class.clone());
        if kind_of(class.as_deref()) != DicomKind::Segmentation {
            return Err(SegmentationReadError::NotASegmentation);
        }
        let (width, height) = (self.info.width, self.info.height);
        let side = |tag| integer(&object, tag).and_then(|side| usize::try_from(side).ok()).unwrap_or(0);
        let found = (side(tags::COLUMNS), side(tags::ROWS));
        if found != (width, height) {
            return Err(SegmentationReadError::Size { found, expected: (width, height) });
        }
        let masks = Masks::of(segmentation, &layout, &object, pixel_data, width * height)?;
        self.sort(&object, &masks)
    }

    /// Puts each mask into the map of the frame that it was made for.
    fn sort(&self, object: &InMemDicomObject, masks: &Masks) -> Result<SegmentationMasks, SegmentationReadError> {
        let segments = items(object, tags::SEGMENT_SEQUENCE);
        let number_of = |segment: &InMemDicomObject| integer(segment, tags::SEGMENT_NUMBER).unwrap_or(0);
        let numbers: Vec<i64> = segments.iter().map(number_of).collect();
        if numbers.is_empty() || numbers.len() > super::MAX_STRUCTURES {
            return Err(SegmentationReadError::Segments(numbers.len()));
        }
        let class_of = |number: i64| numbers.iter().position(|&known| known == number).map(|i| i as u8 + 1);
        let shared = items(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        let each = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        let mut maps: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        let mut overlap = 0u64;
        for index in 0..masks.count {
            let groups: Vec<_> = each.get(index).into_iter().chain(shared).collect();
            let Some(source) = self.source_frame(object, &groups) else { continue };
            let map = maps.entry(source).or_insert_with(|| vec![0; self.info.width * self.info.height]);
            let values = masks.frame(index)?;
            let segment = find(&groups, tags::SEGMENT_IDENTIFICATION_SEQUENCE)
                .and_then(|item| integer(item, tags::REFERENCED_SEGMENT_NUMBER));
            let class = match masks.is_label_map {
                true => None,
                false => Some(segment.and_then(class_of).ok_or(SegmentationReadError::Segment { index })?),
            };
            for (pixel, value) in map.iter_mut().zip(values) {
                let class = match class {
                    Some(class) => (value > masks.threshold).then_some(class),
                    None => class_of(value.into()),
                };
                if let Some(class) = class {
                    overlap += u64::from(*pixel != 0 && *pixel != class);
                    *pixel = class.max(*pixel);
                }
            }
        }
        if maps.is_empty() {
            return Err(SegmentationReadError::OtherSource);
        }
        let mut notes = Vec::new();
        if overlap > 0 {
            notes.push(DicomNote::Overlap { pixels: overlap });
        }
        if masks.threshold > 0 {
            notes.push(DicomNote::Fractional);
        }
        let frames = maps.into_iter().map(|(index, class_ids)| SegmentedFrame { index, class_ids }).collect();
        Ok(SegmentationMasks { structures: segments.iter().map(structure).collect(), frames, notes })
    }

    /// Which of this file's frames a mask was made for; `None` where it is of another file.
    fn source_frame(&self, object: &InMemDicomObject, groups: &[&InMemDicomObject]) -> Option<usize> {
        let own = self.source.sop_instance_uid.as_deref();
        let is_own = |item: &InMemDicomObject| text(item, tags::REFERENCED_SOP_INSTANCE_UID).as_deref() == own;
        let derivation = find(groups, tags::DERIVATION_IMAGE_SEQUENCE);
        if let Some(derivation) = derivation.filter(|item| !items(item, tags::SOURCE_IMAGE_SEQUENCE).is_empty()) {
            let source = items(derivation, tags::SOURCE_IMAGE_SEQUENCE).iter().find(|&item| is_own(item))?;
            let frame = integers(source, tags::REFERENCED_FRAME_NUMBER).first().copied().unwrap_or(1);
            return usize::try_from(frame - 1).ok().filter(|&frame| frame < self.info.frames);
        }
        // Some writers name the source for the object as a whole.
        let series = items(object, tags::REFERENCED_SERIES_SEQUENCE);
        let mut instances = series.iter().flat_map(|series| items(series, tags::REFERENCED_INSTANCE_SEQUENCE));
        (self.info.frames == 1 && instances.any(is_own)).then_some(0)
    }
}

/// The first item of a functional group, the frame's own before the shared one.
fn find<'a>(groups: &[&'a InMemDicomObject], sequence: Tag) -> Option<&'a InMemDicomObject> {
    groups.iter().find_map(|group| items(group, sequence).first())
}

fn structure(segment: &InMemDicomObject) -> SegmentedSegment {
    let lab = numbers(segment, tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE);
    let algorithm = match text(segment, tags::SEGMENT_ALGORITHM_TYPE).as_deref() {
        Some("AUTOMATIC") => SegmentAlgorithm::Automatic,
        Some("SEMIAUTOMATIC") => SegmentAlgorithm::Semiautomatic,
        _ => SegmentAlgorithm::Manual,
    };
    SegmentedSegment {
        name: text(segment, tags::SEGMENT_LABEL).unwrap_or_else(|| "unnamed".to_owned()),
        color: <[f64; 3]>::try_from(lab).ok().map(|lab| srgb(lab.map(|value| value as u16))),
        algorithm,
    }
}

/// The frames of a segmentation object.
struct Masks<'a> {
    bytes: &'a [u8],
    pixels: usize,
    count: usize,
    /// Values above this are of the segment.
    threshold: u16,
    /// Values are numbers of segments.
    is_label_map: bool,
    stored: Stored,
}

enum Stored {
    /// One bit a pixel, frames without gaps between them.
    Bits(std::ops::Range<usize>),
    Values {
        frames: Frames,
        format: PixelFormat,
    },
}

impl<'a> Masks<'a> {
    fn of(
        bytes: &'a [u8],
        layout: &Layout,
        object: &InMemDicomObject,
        pixel_data: Option<PixelData>,
        pixels: usize,
    ) -> Result<Self, SegmentationReadError> {
        let pixel_data = pixel_data.ok_or(DicomError::NoPixelData)?;
        let said = integer(object, tags::NUMBER_OF_FRAMES).and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
        let kind = text(object, tags::SEGMENTATION_TYPE);
        let highest = integer(object, tags::MAXIMUM_FRACTIONAL_VALUE).filter(|value| (1..=255).contains(value));
        let threshold = if kind.as_deref() == Some("FRACTIONAL") { (highest.unwrap_or(255) as u16 - 1) / 2 } else { 0 };
        let is_label_map = kind.as_deref() == Some("LABELMAP");
        let (stored, count) = match (integer(object, tags::BITS_ALLOCATED), pixel_data) {
            (Some(1), PixelData::Native { bytes: range, .. }) => {
                let held = (range.len() as u64 * 8 / pixels as u64) as usize;
                (Stored::Bits(range), said.min(held))
            }
            (Some(1), PixelData::Encapsulated { .. }) => {
                return Err(DicomError::AttributeValue {
                    name: "BitsAllocated",
                    value: "1 in a compressed segmentation".to_owned(),
                }
                .into());
            }
            (_, pixel_data) => {
                let mut format = PixelFormat::of(object)?;
                format.photometric = Photometric::Monochrome2;
                let frames = Frames::of(bytes, layout, pixel_data, &mut format, Some(said), &mut Vec::new())?;
                let count = frames.count(&format, said).min(said);
                (Stored::Values { frames, format }, count)
            }
        };
        Ok(Self { bytes, pixels, count, threshold, is_label_map, stored })
    }

    fn frame(&self, index: usize) -> Result<Vec<u16>, SegmentationReadError> {
        match &self.stored {
            Stored::Bits(range) => {
                let bytes = &self.bytes[range.clone()];
                let first = index as u64 * self.pixels as u64;
                let bit = |pixel: u64| u16::from(bytes[((first + pixel) / 8) as usize] >> ((first + pixel) % 8) & 1);
                Ok((0..self.pixels as u64).map(bit).collect())
            }
            Stored::Values { frames, format } => {
                let samples = frames.samples(self.bytes, index, format);
                Ok(match samples.map_err(|reason| DicomError::Frame { index, reason })?.values {
                    Values::Bytes(values) => values.into_iter().map(u16::from).collect(),
                    Values::Words(values) => values.into_iter().map(|value| value.clamp(0, 65535) as u16).collect(),
                })
            }
        }
    }
}
