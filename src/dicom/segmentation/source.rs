//! What a segmentation object takes over from its source: whose it is and what it refers to. All else of the source's
//! identity is forgotten when a file has been opened.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::dicom::attributes::{integer, number, text, texts};
use crate::dicom::frames::Frames;
use crate::dicom::pixel_format::PixelFormat;

/// The patient and the study, the same in every object of a study (PS3.3 sections C.7.1.1 and C.7.2.1).
const SHARED: [Tag; 13] = [
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_ID,
    // The zone of the times above.
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::PATIENT_ORIENTATION,
];

/// Whether the source was compressed with loss, which a segmentation has to repeat (PS3.3 section C.7.6.1.1.5).
#[derive(Debug)]
pub(super) struct Lossy {
    pub is_lossy: bool,
    /// Of each compression; empty where it is not known.
    pub ratios: Vec<String>,
    pub methods: Vec<String>,
}

impl Lossy {
    /// As the source says; where it does not, as its frames show.
    pub(super) fn of(source: &Source, is_lossy: bool, frames: &Frames, format: &PixelFormat) -> Self {
        if !is_lossy {
            return Self { is_lossy, ratios: Vec::new(), methods: Vec::new() };
        }
        let (mut ratios, mut methods) = (source.lossy_ratios.clone(), source.lossy_methods.clone());
        if let Some((method, compressed)) = frames.lossy() {
            if methods.is_empty() {
                methods.push(method.to_owned());
            }
            if ratios.is_empty() {
                let whole =
                    format.pixels() as f64 * (format.samples_per_pixel * format.bits_allocated as usize / 8) as f64;
                ratios.push(format!("{:.3}", whole / compressed.max(1.0)));
            }
        }
        Self { is_lossy, ratios, methods }
    }
}

/// The source of segmentations.
#[derive(Debug)]
pub(in crate::dicom) struct Source {
    /// The elements that every object of the study has.
    pub shared: InMemDicomObject,
    /// Lossy Image Compression Ratio and Method, as far as it says.
    lossy_ratios: Vec<String>,
    lossy_methods: Vec<String>,
    pub study_instance_uid: Option<String>,
    pub series_instance_uid: Option<String>,
    pub sop_class_uid: Option<String>,
    pub sop_instance_uid: Option<String>,
    /// Millimetres, more than 0.
    pub slice_thickness: Option<f64>,
    /// Whether references to it name a frame.
    pub is_multi_frame: bool,
}

impl Source {
    pub(in crate::dicom) fn of(object: &InMemDicomObject) -> Self {
        let take =
            |tags: &[Tag]| InMemDicomObject::from_element_iter(tags.iter().filter_map(|&tag| object.get(tag)).cloned());
        let uid = |tag| text(object, tag);
        let filled = |tag| texts(object, tag).into_iter().filter(|value| !value.is_empty()).collect();
        Self {
            shared: take(&SHARED),
            lossy_ratios: filled(tags::LOSSY_IMAGE_COMPRESSION_RATIO),
            lossy_methods: filled(tags::LOSSY_IMAGE_COMPRESSION_METHOD),
            study_instance_uid: uid(tags::STUDY_INSTANCE_UID),
            series_instance_uid: uid(tags::SERIES_INSTANCE_UID),
            sop_class_uid: uid(tags::SOP_CLASS_UID),
            sop_instance_uid: uid(tags::SOP_INSTANCE_UID),
            slice_thickness: number(object, tags::SLICE_THICKNESS).filter(|&thickness| thickness > 0.0),
            is_multi_frame: integer(object, tags::NUMBER_OF_FRAMES).is_some(),
        }
    }
}
