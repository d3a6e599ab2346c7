//! What a segmentation object takes over from its source: whose it is and what it refers to. All else of the source's
//! identity is forgotten when a file has been opened.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::dicom::attributes::{integer, text};

/// The patient and the study, the same in every object of a study (PS3.3 sections C.7.1.1 and C.7.2.1).
const SHARED: [Tag; 14] = [
    tags::SPECIFIC_CHARACTER_SET,
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
    tags::FRAME_OF_REFERENCE_UID,
    tags::POSITION_REFERENCE_INDICATOR,
];

/// Whether the source was compressed with loss, which a segmentation has to repeat.
const LOSSY: [Tag; 3] =
    [tags::LOSSY_IMAGE_COMPRESSION, tags::LOSSY_IMAGE_COMPRESSION_RATIO, tags::LOSSY_IMAGE_COMPRESSION_METHOD];

/// The source of segmentations.
#[derive(Debug)]
pub(in crate::dicom) struct Source {
    /// The elements that every object of the study has.
    pub shared: InMemDicomObject,
    /// Whether it lost detail, how much and how, as far as it says.
    pub lossy: InMemDicomObject,
    pub study_instance_uid: Option<String>,
    pub series_instance_uid: Option<String>,
    pub sop_class_uid: Option<String>,
    pub sop_instance_uid: Option<String>,
    /// Whether references to it name a frame.
    pub is_multi_frame: bool,
}

impl Source {
    pub(in crate::dicom) fn of(object: &InMemDicomObject) -> Self {
        let take =
            |tags: &[Tag]| InMemDicomObject::from_element_iter(tags.iter().filter_map(|&tag| object.get(tag)).cloned());
        let uid = |tag| text(object, tag);
        Self {
            shared: take(&SHARED),
            lossy: take(&LOSSY),
            study_instance_uid: uid(tags::STUDY_INSTANCE_UID),
            series_instance_uid: uid(tags::SERIES_INSTANCE_UID),
            sop_class_uid: uid(tags::SOP_CLASS_UID),
            sop_instance_uid: uid(tags::SOP_INSTANCE_UID),
            is_multi_frame: integer(object, tags::NUMBER_OF_FRAMES).is_some(),
        }
    }
}
