//! The elements of a segmentation object, module by module (PS3.3 tables A.51-1 and those it names).

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use sha2::{Digest, Sha256};

use super::color::dicom_cielab;
use super::source::{Lossy, Source};
use super::{Creation, Mask, SegmentAlgorithm, SegmentationError, SegmentationRequest, SegmentedStructure};
use crate::dicom::DicomInfo;
use crate::dicom::attributes::text;

/// Longest text of the value representation LO, in characters.
const LONG_STRING: usize = 64;
/// Longest text of the value representation ST.
const SHORT_TEXT: usize = 1024;
const RESEARCH_ONLY: &str = "Research only, not for diagnosis";

/// Writes the object as a file.
pub(super) fn write(
    source: &Source,
    info: &DicomInfo,
    lossy: &Lossy,
    request: &SegmentationRequest,
    masks: &[Mask],
    pixel_data: Vec<u8>,
    creation: &Creation,
) -> Result<Vec<u8>, SegmentationError> {
    let reference = Reference::to(source)?;
    let mut object = source.shared.clone();
    describe_instance(&mut object, &reference, creation);
    describe_image(&mut object, info, lossy, masks.len());
    let structures = request.structures.iter().enumerate();
    let segments = structures.map(|(index, structure)| segment(index, structure, request)).collect();
    sequence(&mut object, tags::SEGMENT_SEQUENCE, segments);
    organize_dimensions(&mut object, &new_uid(creation, "dimensions"));
    sequence(&mut object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared_groups(source, info)]);
    let frames = masks.iter().map(|mask| frame_groups(mask, source, &reference)).collect();
    sequence(&mut object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    put(&mut object, tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(pixel_data));

    let failed = |error: &dyn std::error::Error| SegmentationError::Write(error.to_string());
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let file = object.with_meta(meta).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// What the object refers to.
struct Reference<'a> {
    series: &'a str,
    class: &'a str,
    instance: &'a str,
}

impl<'a> Reference<'a> {
    fn to(source: &'a Source) -> Result<Self, SegmentationError> {
        let required =
            |uid: &'a Option<String>, name| uid.as_deref().ok_or(SegmentationError::SourceUnidentified(name));
        required(&source.study_instance_uid, "a Study Instance UID")?;
        Ok(Self {
            series: required(&source.series_instance_uid, "a Series Instance UID")?,
            class: required(&source.sop_class_uid, "a SOP Class UID")?,
            instance: required(&source.sop_instance_uid, "a SOP Instance UID")?,
        })
    }

    fn item(&self) -> InMemDicomObject {
        let mut item = InMemDicomObject::new_empty();
        put(&mut item, tags::REFERENCED_SOP_CLASS_UID, VR::UI, self.class);
        put(&mut item, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, self.instance);
        item
    }
}

/// Patient, study, series, equipment, SOP common and common instance reference.
fn describe_instance(object: &mut InMemDicomObject, reference: &Reference, creation: &Creation) {
    // The source's times are taken over as they are, and so is their zone: the object's own are told in it. Without one, times
    // are of no known zone, and these are UTC.
    let zone = text(object, tags::TIMEZONE_OFFSET_FROM_UTC).and_then(|offset| offset_seconds(&offset)).unwrap_or(0);
    let (date, time) = date_and_time(creation.unix_seconds + zone);
    // Elements that must be there, if only empty.
    for (tag, vr) in [
        (tags::STUDY_DATE, VR::DA),
        (tags::STUDY_TIME, VR::TM),
        (tags::ACCESSION_NUMBER, VR::SH),
        (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
        (tags::PATIENT_NAME, VR::PN),
        (tags::PATIENT_ID, VR::LO),
        (tags::PATIENT_BIRTH_DATE, VR::DA),
        (tags::PATIENT_SEX, VR::CS),
        (tags::STUDY_ID, VR::SH),
        (tags::CONTENT_CREATOR_NAME, VR::PN),
        (tags::PATIENT_ORIENTATION, VR::CS),
    ] {
        if object.get(tag).is_none() {
            object.put(DataElement::empty(tag, vr));
        }
    }
    // UTF-8: the names were read in the source's own character set.
    put(object, tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    put(object, tags::SOP_CLASS_UID, VR::UI, uids::SEGMENTATION_STORAGE);
    put(object, tags::SOP_INSTANCE_UID, VR::UI, new_uid(creation, "instance"));
    put(object, tags::INSTANCE_CREATION_DATE, VR::DA, date.as_str());
    put(object, tags::INSTANCE_CREATION_TIME, VR::TM, time.as_str());
    put(object, tags::MODALITY, VR::CS, "SEG");
    put(object, tags::SERIES_INSTANCE_UID, VR::UI, new_uid(creation, "series"));
    put(object, tags::SERIES_NUMBER, VR::IS, "1");
    put(object, tags::SERIES_DATE, VR::DA, date.as_str());
    put(object, tags::SERIES_TIME, VR::TM, time.as_str());
    put(object, tags::SERIES_DESCRIPTION, VR::LO, format!("sam2rad segmentation. {RESEARCH_ONLY}"));
    put(object, tags::INSTANCE_NUMBER, VR::IS, "1");
    put(object, tags::CONTENT_DATE, VR::DA, date);
    put(object, tags::CONTENT_TIME, VR::TM, time);
    put(object, tags::CONTENT_LABEL, VR::CS, "SAM2RAD");
    put(object, tags::CONTENT_DESCRIPTION, VR::LO, RESEARCH_ONLY);
    put(object, tags::MANUFACTURER, VR::LO, "sam2rad");
    put(object, tags::MANUFACTURER_MODEL_NAME, VR::LO, "sam2rad");
    put(object, tags::DEVICE_SERIAL_NUMBER, VR::LO, "none");
    put(object, tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION"));
    let mut series = InMemDicomObject::new_empty();
    put(&mut series, tags::SERIES_INSTANCE_UID, VR::UI, reference.series);
    sequence(&mut series, tags::REFERENCED_INSTANCE_SEQUENCE, vec![reference.item()]);
    sequence(object, tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
}

/// Image pixel and segmentation image.
fn describe_image(object: &mut InMemDicomObject, info: &DicomInfo, lossy: &Lossy, frames: usize) {
    put(
        object,
        tags::IMAGE_TYPE,
        VR::CS,
        PrimitiveValue::Strs(["DERIVED".into(), "PRIMARY".into()].into_iter().collect()),
    );
    put(object, tags::NUMBER_OF_FRAMES, VR::IS, frames.to_string());
    put(object, tags::SAMPLES_PER_PIXEL, VR::US, 1u16);
    put(object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    put(object, tags::ROWS, VR::US, info.height as u16);
    put(object, tags::COLUMNS, VR::US, info.width as u16);
    put(object, tags::BITS_ALLOCATED, VR::US, 1u16);
    put(object, tags::BITS_STORED, VR::US, 1u16);
    put(object, tags::HIGH_BIT, VR::US, 0u16);
    put(object, tags::PIXEL_REPRESENTATION, VR::US, 0u16);
    put(object, tags::LOSSY_IMAGE_COMPRESSION, VR::CS, if lossy.is_lossy { "01" } else { "00" });
    let lists = [
        (tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS, &lossy.ratios),
        (tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS, &lossy.methods),
    ];
    for (tag, vr, values) in lists.into_iter().filter(|(_, _, values)| !values.is_empty()) {
        put(object, tag, vr, PrimitiveValue::Strs(values.iter().cloned().collect()));
    }
    put(object, tags::SEGMENTATION_TYPE, VR::CS, "BINARY");
    put(object, tags::SEGMENTS_OVERLAP, VR::CS, "NO");
}

fn segment(index: usize, structure: &SegmentedStructure, request: &SegmentationRequest) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    put(&mut item, tags::SEGMENT_NUMBER, VR::US, index as u16 + 1);
    put(&mut item, tags::SEGMENT_LABEL, VR::LO, line(&structure.name, LONG_STRING));
    let training_data = match request.training_data.trim() {
        "" => "not stated",
        stated => stated,
    };
    let description = format!("{RESEARCH_ONLY}. The model's training data: {training_data}");
    put(&mut item, tags::SEGMENT_DESCRIPTION, VR::ST, line(&description, SHORT_TEXT));
    let algorithm = match structure.algorithm {
        SegmentAlgorithm::Automatic => "AUTOMATIC",
        SegmentAlgorithm::Semiautomatic => "SEMIAUTOMATIC",
        SegmentAlgorithm::Manual => "MANUAL",
    };
    put(&mut item, tags::SEGMENT_ALGORITHM_TYPE, VR::CS, algorithm);
    if structure.algorithm != SegmentAlgorithm::Manual {
        let name = format!("sam2rad {}, {}", env!("CARGO_PKG_VERSION"), request.model);
        put(&mut item, tags::SEGMENT_ALGORITHM_NAME, VR::LO, line(&name, LONG_STRING));
    }
    let lab = PrimitiveValue::U16(dicom_cielab(structure.color).into_iter().collect());
    put(&mut item, tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, VR::US, lab);
    // A structure is known by the name that its model gives it, not by a code: any tissue, of the anatomy.
    let category = code("123037004", "SCT", "Anatomical Structure");
    sequence(&mut item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, vec![category]);
    sequence(&mut item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, vec![code("85756007", "SCT", "Tissue")]);
    item
}

/// Frames are ordered by structure, then by their time in the source.
fn organize_dimensions(object: &mut InMemDicomObject, uid: &str) {
    let mut organization = InMemDicomObject::new_empty();
    put(&mut organization, tags::DIMENSION_ORGANIZATION_UID, VR::UI, uid);
    sequence(object, tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![organization]);
    let index = |pointer: Tag, group: Tag, label: &str| {
        let mut item = InMemDicomObject::new_empty();
        put(&mut item, tags::DIMENSION_ORGANIZATION_UID, VR::UI, uid);
        put(&mut item, tags::DIMENSION_INDEX_POINTER, VR::AT, pointer);
        put(&mut item, tags::FUNCTIONAL_GROUP_POINTER, VR::AT, group);
        put(&mut item, tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, label);
        item
    };
    let indices = vec![
        index(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment"),
        index(tags::TEMPORAL_POSITION_INDEX, tags::FRAME_CONTENT_SEQUENCE, "Source frame"),
    ];
    sequence(object, tags::DIMENSION_INDEX_SEQUENCE, indices);
}

/// Readers, highdicom among them, take a spacing only together with a slice's thickness, which a picture of ultrasound does not
/// have; they take its spacing from the source.
fn shared_groups(source: &Source, info: &DicomInfo) -> InMemDicomObject {
    let mut groups = InMemDicomObject::new_empty();
    if let (Some(spacing), Some(thickness)) = (info.common_spacing(), source.slice_thickness) {
        let mut measures = InMemDicomObject::new_empty();
        let millimetres = [decimal(spacing.y_mm), decimal(spacing.x_mm)];
        put(&mut measures, tags::PIXEL_SPACING, VR::DS, PrimitiveValue::Strs(millimetres.into_iter().collect()));
        put(&mut measures, tags::SLICE_THICKNESS, VR::DS, decimal(thickness));
        sequence(&mut groups, tags::PIXEL_MEASURES_SEQUENCE, vec![measures]);
    }
    groups
}

fn frame_groups(mask: &Mask, source: &Source, reference: &Reference) -> InMemDicomObject {
    let (segment, frame) = (mask.structure as u32 + 1, mask.source_frame as u32 + 1);
    let mut image = reference.item();
    if source.is_multi_frame {
        put(&mut image, tags::REFERENCED_FRAME_NUMBER, VR::IS, frame.to_string());
    }
    let purpose = code("121322", "DCM", "Source image for image processing operation");
    sequence(&mut image, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, vec![purpose]);
    put(&mut image, tags::SPATIAL_LOCATIONS_PRESERVED, VR::CS, "YES");
    let mut derivation = InMemDicomObject::new_empty();
    sequence(&mut derivation, tags::DERIVATION_CODE_SEQUENCE, vec![code("113076", "DCM", "Segmentation")]);
    sequence(&mut derivation, tags::SOURCE_IMAGE_SEQUENCE, vec![image]);

    let mut content = InMemDicomObject::new_empty();
    put(
        &mut content,
        tags::DIMENSION_INDEX_VALUES,
        VR::UL,
        PrimitiveValue::U32([segment, frame].into_iter().collect()),
    );
    put(&mut content, tags::TEMPORAL_POSITION_INDEX, VR::UL, frame);

    let mut identification = InMemDicomObject::new_empty();
    put(&mut identification, tags::REFERENCED_SEGMENT_NUMBER, VR::US, segment as u16);

    let mut groups = InMemDicomObject::new_empty();
    sequence(&mut groups, tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation]);
    sequence(&mut groups, tags::FRAME_CONTENT_SEQUENCE, vec![content]);
    sequence(&mut groups, tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![identification]);
    groups
}

fn code(value: &str, scheme: &str, meaning: &str) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    put(&mut item, tags::CODE_VALUE, VR::SH, value);
    put(&mut item, tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme);
    put(&mut item, tags::CODE_MEANING, VR::LO, meaning);
    item
}

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) {
    object.put(DataElement::new(tag, vr, value.into()));
}

fn sequence(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

/// A text of one value and one line, cut to a length.
fn line(text: &str, longest: usize) -> String {
    let character = |c: char| if c == '\\' || c.is_control() { ' ' } else { c };
    let line: String = text.trim().chars().map(character).take(longest).collect();
    if line.is_empty() { "unnamed".to_owned() } else { line }
}

/// A number in the 16 characters of a decimal string.
fn decimal(number: f64) -> String {
    let plain = number.to_string();
    if plain.len() <= 16 { plain } else { format!("{number:.9e}") }
}

/// A unique identifier of a UUID (PS3.5 section B.2), one for each role.
fn new_uid(creation: &Creation, role: &str) -> String {
    let digest = Sha256::new().chain_update(creation.random).chain_update(role).finalize();
    let mut uuid = [0u8; 16];
    uuid.copy_from_slice(&digest[..16]);
    // Version 4, variant 1: a random one.
    uuid[6] = uuid[6] & 0x0F | 0x40;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    format!("2.25.{}", u128::from_be_bytes(uuid))
}

/// Seconds of an offset from UTC, `+0900` (PS3.5 table 6.2-1, DT).
fn offset_seconds(offset: &str) -> Option<i64> {
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| digits.len() == 4)?;
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}

/// `YYYYMMDD` and `HHMMSS`, UTC.
fn date_and_time(unix_seconds: i64) -> (String, String) {
    let now = dicom_core::chrono::DateTime::from_timestamp(unix_seconds, 0).unwrap_or_default();
    (now.format("%Y%m%d").to_string(), now.format("%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_identifiers_are_of_random_uuids_and_differ_by_role() {
        let creation = Creation { unix_seconds: 0, random: [7; 16] };
        let uid = new_uid(&creation, "instance");
        let uuid: u128 = uid.strip_prefix("2.25.").unwrap().parse().unwrap();
        assert_eq!((uuid >> 76 & 0xF, uuid >> 62 & 3), (4, 2));
        assert!(uid.len() <= 64);
        assert_ne!(uid, new_uid(&creation, "series"));
    }

    #[test]
    fn a_date_and_a_time_are_digits() {
        assert_eq!(date_and_time(1_795_553_405), ("20261124".to_owned(), "205005".to_owned()));
    }

    #[test]
    fn an_offset_from_utc_is_hours_and_minutes() {
        assert_eq!([offset_seconds("+0900"), offset_seconds("-0330")], [Some(32_400), Some(-12_600)]);
        assert_eq!([offset_seconds("0900"), offset_seconds("+09")], [None, None]);
    }

    #[test]
    fn decimal_strings_fit_their_16_characters() {
        assert_eq!(decimal(0.25), "0.25");
        assert!(decimal(0.5104970559477806).len() <= 16 && decimal(0.000_012_345_678_901_234).len() <= 16);
    }

    #[test]
    fn names_are_one_line_of_one_value() {
        assert_eq!(line(" left\\right\nventricle ", 14), "left right ven");
        assert_eq!(line("\n", 64), "unnamed");
    }
}
