//! Segmentation objects, read back through dicom-object.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileDicomObject, InMemDicomObject, OpenFileOptions};
use sam2rad::dicom::{
    Creation, DicomError, DicomFile, DicomKind, SegmentAlgorithm, SegmentationError, SegmentationReadError,
    SegmentationRequest, SegmentedFrame, SegmentedStructure, identify,
};

use super::{open, read};

const CREATION: Creation = Creation { unix_seconds: 1_795_553_405, random: [9; 16] };

fn structure(name: &str, color: [u8; 3], algorithm: SegmentAlgorithm) -> SegmentedStructure {
    SegmentedStructure { name: name.to_owned(), color, algorithm }
}

/// Two structures in the cine of 320 x 240: a square in frames 3 and 7, a column in frame 7.
fn request() -> SegmentationRequest {
    let frame = |index, column: bool| {
        let mut class_ids = vec![0; 320 * 240];
        for y in 100..110 {
            class_ids[y * 320 + 50..][..10].fill(1);
        }
        if column {
            (0..240).for_each(|y| class_ids[y * 320 + 200] = 2);
        }
        SegmentedFrame { index, class_ids }
    };
    SegmentationRequest {
        frames: vec![frame(7, true), frame(3, false)],
        structures: vec![
            structure("left ventricle", [230, 159, 0], SegmentAlgorithm::Semiautomatic),
            structure("septum", [0, 114, 178], SegmentAlgorithm::Automatic),
        ],
        model: "bones micro".to_owned(),
        training_data: "simulated images only".to_owned(),
    }
}

fn parse(bytes: &[u8]) -> FileDicomObject<InMemDicomObject> {
    OpenFileOptions::new().from_reader(bytes).unwrap()
}

fn text(object: &InMemDicomObject, tag: Tag) -> String {
    object.element(tag).unwrap().to_str().unwrap().trim_end_matches(['\0', ' ']).to_owned()
}

fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.element(tag).unwrap().items().unwrap()
}

#[test]
fn an_object_belongs_to_its_sources_study_and_refers_to_it() {
    let source = parse(&read("examples_ybr_color.dcm"));
    let object = parse(&open("examples_ybr_color.dcm").segmentation(&request(), &CREATION).unwrap());
    assert_eq!(object.meta().transfer_syntax(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(text(&object, tags::SOP_CLASS_UID), "1.2.840.10008.5.1.4.1.1.66.4");
    assert_eq!(text(&object, tags::MODALITY), "SEG");
    for tag in [tags::STUDY_INSTANCE_UID, tags::PATIENT_ID, tags::PATIENT_NAME] {
        assert_eq!(text(&object, tag), text(&source, tag));
    }
    assert_ne!(text(&object, tags::SERIES_INSTANCE_UID), text(&source, tags::SERIES_INSTANCE_UID));
    let series = &items(&object, tags::REFERENCED_SERIES_SEQUENCE)[0];
    assert_eq!(text(series, tags::SERIES_INSTANCE_UID), text(&source, tags::SERIES_INSTANCE_UID));
    let instance = &items(series, tags::REFERENCED_INSTANCE_SEQUENCE)[0];
    assert_eq!(text(instance, tags::REFERENCED_SOP_INSTANCE_UID), text(&source, tags::SOP_INSTANCE_UID));
    assert_eq!(text(&object, tags::CONTENT_DESCRIPTION), "Research only, not for diagnosis");
}

#[test]
fn each_structure_is_a_segment_with_its_name_its_colour_and_who_drew_it() {
    let object = parse(&open("examples_ybr_color.dcm").segmentation(&request(), &CREATION).unwrap());
    let segments = items(&object, tags::SEGMENT_SEQUENCE);
    let of = |tag| segments.iter().map(|segment| text(segment, tag)).collect::<Vec<_>>();
    assert_eq!(of(tags::SEGMENT_NUMBER), ["1", "2"]);
    assert_eq!(of(tags::SEGMENT_LABEL), ["left ventricle", "septum"]);
    assert_eq!(of(tags::SEGMENT_ALGORITHM_TYPE), ["SEMIAUTOMATIC", "AUTOMATIC"]);
    let name = format!("sam2rad {}, bones micro", env!("CARGO_PKG_VERSION"));
    assert_eq!(of(tags::SEGMENT_ALGORITHM_NAME), [&name[..], &name[..]]);
    assert!(of(tags::SEGMENT_DESCRIPTION)[0].contains("Research only"));
    assert!(of(tags::SEGMENT_DESCRIPTION)[0].contains("simulated images only"));
    let lab = segments[1].element(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE).unwrap().to_multi_int::<u16>().unwrap();
    assert_eq!(lab.len(), 3);
    // Blue: b* is below neutral.
    assert!(lab[2] < 0x8080);
}

#[test]
fn the_masks_come_back_from_the_frames_that_the_object_refers_to() {
    let request = request();
    let object = parse(&open("examples_ybr_color.dcm").segmentation(&request, &CREATION).unwrap());
    assert_eq!(text(&object, tags::NUMBER_OF_FRAMES), "3");
    let bits = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
    assert_eq!(bits.len(), 3 * 320 * 240 / 8);
    let mut seen = Vec::new();
    for (index, groups) in items(&object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).iter().enumerate() {
        let identification = &items(groups, tags::SEGMENT_IDENTIFICATION_SEQUENCE)[0];
        let segment: u8 = text(identification, tags::REFERENCED_SEGMENT_NUMBER).parse().unwrap();
        let source = &items(&items(groups, tags::DERIVATION_IMAGE_SEQUENCE)[0], tags::SOURCE_IMAGE_SEQUENCE)[0];
        let number: usize = text(source, tags::REFERENCED_FRAME_NUMBER).parse().unwrap();
        let mask = &request.frames.iter().find(|frame| frame.index + 1 == number).unwrap().class_ids;
        for (pixel, &class_id) in mask.iter().enumerate() {
            let bit = index * 320 * 240 + pixel;
            assert_eq!(bits[bit / 8] >> (bit % 8) & 1 == 1, class_id == segment, "frame {index}, pixel {pixel}");
        }
        seen.push((segment, number));
    }
    assert_eq!(seen, [(1, 4), (1, 8), (2, 8)]);
}

#[test]
fn spacing_goes_into_the_object_where_the_source_has_slices() {
    let object = |name: &str| {
        let file = open(name);
        let class_ids = vec![1; file.info().width * file.info().height];
        let request = SegmentationRequest {
            frames: vec![SegmentedFrame { index: 0, class_ids }],
            structures: vec![structure("everything", [0; 3], SegmentAlgorithm::Manual)],
            ..request()
        };
        parse(&file.segmentation(&request, &CREATION).unwrap())
    };
    let slice = object("MR_small.dcm");
    let shared = &items(&slice, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)[0];
    let measures = &items(shared, tags::PIXEL_MEASURES_SEQUENCE)[0];
    assert_eq!(measures.element(tags::PIXEL_SPACING).unwrap().to_multi_float64().unwrap(), [0.3125, 0.3125]);
    assert_eq!(text(measures, tags::SLICE_THICKNESS), "0.8");
    // A picture of ultrasound has no thickness, and one of 0 is none.
    let picture = object("OBXXXX1A_rle.dcm");
    assert!(items(&picture, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)[0].get(tags::PIXEL_MEASURES_SEQUENCE).is_none());
    // One frame that is not of a multi-frame file is not referred to by a number.
    let groups = &items(&picture, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)[0];
    let source = &items(&items(groups, tags::DERIVATION_IMAGE_SEQUENCE)[0], tags::SOURCE_IMAGE_SEQUENCE)[0];
    assert!(source.get(tags::REFERENCED_FRAME_NUMBER).is_none());
    // A person's own mask has no algorithm.
    assert!(items(&picture, tags::SEGMENT_SEQUENCE)[0].get(tags::SEGMENT_ALGORITHM_NAME).is_none());
}

#[test]
fn two_exports_are_two_objects() {
    let file = open("examples_ybr_color.dcm");
    let uid = |creation| text(&parse(&file.segmentation(&request(), &creation).unwrap()), tags::SOP_INSTANCE_UID);
    assert_ne!(uid(CREATION), uid(Creation { random: [10; 16], ..CREATION }));
}

#[test]
fn what_does_not_fit_the_file_is_refused() {
    let file = open("examples_ybr_color.dcm");
    let refused = |change: fn(&mut SegmentationRequest)| {
        let mut request = request();
        change(&mut request);
        file.segmentation(&request, &CREATION).unwrap_err()
    };
    assert_eq!(refused(|r| r.frames.clear()), SegmentationError::Empty);
    assert_eq!(refused(|r| r.structures.clear()), SegmentationError::Structures(0));
    assert_eq!(refused(|r| r.frames[0].index = 30), SegmentationError::NoFrame { index: 30, frames: 30 });
    assert_eq!(refused(|r| r.frames[0].index = 3), SegmentationError::Twice(3));
    let class = SegmentationError::Class { index: 3, class_id: 3, structures: 2 };
    assert_eq!(refused(|r| r.frames[1].class_ids[0] = 3), class);
    let size = SegmentationError::Size { index: 7, found: 76_799, width: 320, height: 240 };
    assert_eq!(refused(|r| r.frames[0].class_ids.truncate(76_799)), size);
}

#[test]
fn a_segmentation_is_not_read_as_a_picture() {
    let bytes = open("examples_ybr_color.dcm").segmentation(&request(), &CREATION).unwrap();
    assert_eq!(identify(&bytes), Some(DicomKind::Segmentation));
    assert_eq!(DicomFile::open(bytes).unwrap_err(), DicomError::Segmentation);
}

#[test]
fn the_masks_of_an_object_come_back_with_names_colours_and_who_drew_them() {
    let file = open("examples_ybr_color.dcm");
    let request = request();
    let masks = file.masks(&file.segmentation(&request, &CREATION).unwrap()).unwrap();
    let mut frames = request.frames.clone();
    frames.sort_by_key(|frame| frame.index);
    assert_eq!(masks.frames, frames);
    for (found, structure) in masks.structures.iter().zip(&request.structures) {
        assert_eq!((&found.name, found.algorithm), (&structure.name, structure.algorithm));
        assert!(found.color.unwrap().iter().zip(structure.color).all(|(a, b)| a.abs_diff(b) <= 1));
    }
    assert_eq!(masks.notes, []);
}

#[test]
fn the_masks_of_other_pictures_are_refused() {
    let bytes = open("examples_ybr_color.dcm").segmentation(&request(), &CREATION).unwrap();
    let size = SegmentationReadError::Size { found: (320, 240), expected: (64, 64) };
    assert_eq!(open("MR_small.dcm").masks(&bytes), Err(size));
    let picture = read("examples_ybr_color.dcm");
    assert_eq!(open("MR_small.dcm").masks(&picture), Err(SegmentationReadError::NotASegmentation));
    // The same pictures under another identifier.
    let uid = text(&parse(&picture), tags::SOP_INSTANCE_UID);
    let at = picture.windows(uid.len()).rposition(|window| window == uid.as_bytes()).unwrap();
    let mut other = picture.clone();
    other[at + uid.len() - 1] ^= 1;
    assert_eq!(DicomFile::open(other).unwrap().masks(&bytes), Err(SegmentationReadError::OtherSource));
}

#[test]
fn an_object_of_a_picture_without_planes_has_no_frame_of_reference_and_no_thickness() {
    let folder = "cases/22-seg-frame-of-reference";
    for (name, frames) in [("a.dcm", vec![0]), ("cine.dcm", vec![0, 2])] {
        let file = DicomFile::open(read(&format!("../{folder}/{name}"))).unwrap();
        let pixels = file.info().width * file.info().height;
        let class_ids: Vec<u8> = (0..pixels).map(|pixel| u8::from(pixel % 7 == 0)).collect();
        let frames: Vec<_> =
            frames.into_iter().map(|index| SegmentedFrame { index, class_ids: class_ids.clone() }).collect();
        let request = SegmentationRequest { frames: frames.clone(), ..request() };
        let bytes = file.segmentation(&request, &CREATION).unwrap();
        let object = parse(&bytes);
        assert!(object.get(tags::FRAME_OF_REFERENCE_UID).is_none() && object.get(tags::PATIENT_ORIENTATION).is_some());
        let shared = &items(&object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)[0];
        for measures in shared.get(tags::PIXEL_MEASURES_SEQUENCE).and_then(|group| group.items()).unwrap_or_default() {
            assert!(measures.get(tags::SLICE_THICKNESS).is_none());
        }
        assert_eq!(file.masks(&bytes).unwrap().frames, frames, "{name}");
    }
}

#[test]
fn times_that_are_taken_over_keep_their_zone() {
    let file = DicomFile::open(read("../cases/23-seg-time-zone/a.dcm")).unwrap();
    let pixels = file.info().width * file.info().height;
    let frames = vec![SegmentedFrame { index: 0, class_ids: vec![1; pixels] }];
    let object = parse(&file.segmentation(&SegmentationRequest { frames, ..request() }, &CREATION).unwrap());
    assert_eq!(text(&object, tags::TIMEZONE_OFFSET_FROM_UTC), "+0900");
    assert_eq!(text(&object, tags::STUDY_TIME), "091500");
    // 20:50:05 UTC.
    assert_eq!(text(&object, tags::CONTENT_TIME), "055005");
}

#[test]
fn a_source_that_lost_detail_says_how_and_how_much() {
    let object = parse(&open("examples_ybr_color.dcm").segmentation(&request(), &CREATION).unwrap());
    assert_eq!(text(&object, tags::LOSSY_IMAGE_COMPRESSION), "01");
    assert_eq!(text(&object, tags::LOSSY_IMAGE_COMPRESSION_METHOD), "ISO_10918_1");
    // As the source itself says.
    assert_eq!(text(&object, tags::LOSSY_IMAGE_COMPRESSION_RATIO), "19");
}
