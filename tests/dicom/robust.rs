//! Whatever the bytes, a file is read or refused: nothing panics, hangs, or takes memory that the file could not fill.
//! `PROPTEST_CASES=1000000 cargo test --release --features dicom --test dicom robust` tries for minutes.

use std::sync::LazyLock;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject, OpenFileOptions};
use proptest::prelude::*;
use sam2rad::dicom::{
    Creation, DicomFile, SegmentAlgorithm, SegmentationRequest, SegmentedFrame, SegmentedStructure, directory, identify,
};

use super::memory::most_held;
use super::{open, read};

/// Opens a file and decodes its first and last frame, if it can.
fn look_at(bytes: &[u8]) {
    let _ = identify(bytes);
    if let Ok(file) = DicomFile::open(bytes.to_vec()) {
        let _ = file.frame(0);
        let _ = file.frame(file.info().frames - 1);
    }
}

/// A frame of up to 16 MB of values is decoded whatever it grew from, with a few copies on the way; beyond it, memory is
/// in proportion to the file.
fn bound(bytes: &[u8]) -> usize {
    (160 << 20) + 64 * bytes.len()
}

/// Where bytes are changed and to what, whether near the start, and where the file is cut off.
type Damage = (Vec<(prop::sample::Index, u8)>, bool, Option<prop::sample::Index>);

fn damage() -> impl Strategy<Value = Damage> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24);
    (changes, any::<bool>(), prop::option::weighted(0.2, any::<prop::sample::Index>()))
}

fn damaged(mut bytes: Vec<u8>, (changes, near_the_start, end): &Damage) -> Vec<u8> {
    if let Some(end) = end {
        bytes.truncate(end.index(bytes.len()).max(1));
    }
    // The headers decide most; changes all over a file would seldom meet them.
    let reach = if *near_the_start { bytes.len().min(2500) } else { bytes.len() };
    for (at, byte) in changes {
        bytes[at.index(reach)] = *byte;
    }
    bytes
}

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) {
    object.put(DataElement::new(tag, vr, value.into()));
}

fn write(object: InMemDicomObject) -> Vec<u8> {
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let mut bytes = Vec::new();
    object.with_meta(meta).unwrap().write_all(&mut bytes).unwrap();
    bytes
}

/// Segmentations of two sources: binary, fractional and a map of labels.
static SEGMENTATIONS: LazyLock<Vec<(DicomFile, Vec<u8>)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for name in ["MR_small.dcm", "SC_rgb_rle_2frame.dcm"] {
        let info = open(name).info().clone();
        let class_ids: Vec<u8> = (0..info.width * info.height).map(|pixel| (pixel % 3) as u8).collect();
        let structure = |name: &str| {
            let algorithm = SegmentAlgorithm::Semiautomatic;
            SegmentedStructure { name: name.to_owned(), color: [230, 159, 0], algorithm }
        };
        let request = SegmentationRequest {
            frames: (0..info.frames).map(|index| SegmentedFrame { index, class_ids: class_ids.clone() }).collect(),
            structures: vec![structure("ilium"), structure("femoral head")],
            model: "micro".to_owned(),
            training_data: "none".to_owned(),
        };
        let binary = open(name).segmentation(&request, &Creation { unix_seconds: 0, random: [9; 16] }).unwrap();
        for kind in ["FRACTIONAL", "LABELMAP"] {
            let mut object = OpenFileOptions::new().from_reader(&binary[..]).unwrap().into_inner();
            put(&mut object, tags::SEGMENTATION_TYPE, VR::CS, kind);
            put(&mut object, tags::MAXIMUM_FRACTIONAL_VALUE, VR::US, 255u16);
            for (tag, bits) in [(tags::BITS_ALLOCATED, 8u16), (tags::BITS_STORED, 8), (tags::HIGH_BIT, 7)] {
                put(&mut object, tag, VR::US, bits);
            }
            let values = class_ids.repeat(2 * info.frames);
            put(&mut object, tags::PIXEL_DATA, VR::OB, values);
            all.push((open(name), write(object)));
        }
        all.push((open(name), binary));
    }
    all
});

/// The directory of a disc with a series of two pictures.
static DIRECTORY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let record = |kind: &str, more: &[(Tag, VR, &str)]| {
        let mut item = InMemDicomObject::new_empty();
        put(&mut item, tags::RECORD_IN_USE_FLAG, VR::US, 0xFFFFu16);
        put(&mut item, tags::DIRECTORY_RECORD_TYPE, VR::CS, kind);
        more.iter().for_each(|(tag, vr, value)| put(&mut item, *tag, *vr, *value));
        item
    };
    let image =
        |path| record("IMAGE", &[(tags::REFERENCED_FILE_ID, VR::CS, path), (tags::NUMBER_OF_FRAMES, VR::IS, "3")]);
    let series = [(tags::MODALITY, VR::CS, "US"), (tags::SERIES_DESCRIPTION, VR::LO, "left hip")];
    let records = vec![record("SERIES", &series), image("DICOM\\IM1"), image("DICOM\\IM2")];
    let mut object = InMemDicomObject::new_empty();
    put(&mut object, tags::SOP_CLASS_UID, VR::UI, uids::MEDIA_STORAGE_DIRECTORY_STORAGE);
    put(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "1.2.3");
    object.put(DataElement::new(tags::DIRECTORY_RECORD_SEQUENCE, VR::SQ, DataSetSequence::from(records)));
    write(object)
});

const SEEDS: [&str; 12] = [
    "ExplVR_BigEnd.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "OBXXXX1A_rle.dcm",
    "reportsi.dcm",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), ..ProptestConfig::default() })]

    #[test]
    fn files_with_changed_bytes_are_read_or_refused(
        seed in prop::sample::select(&SEEDS[..]),
        damage in damage(),
    ) {
        let bytes = damaged(read(seed), &damage);
        let held = most_held(|| look_at(&bytes));
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }

    #[test]
    fn damaged_segmentations_are_read_or_refused(which in 0..6usize, damage in damage()) {
        let (source, whole) = &SEGMENTATIONS[which];
        let bytes = damaged(whole.clone(), &damage);
        let held = most_held(|| {
            let _ = source.masks(&bytes);
        });
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }

    #[test]
    fn damaged_directories_are_read_or_refused(damage in damage()) {
        let bytes = damaged(DIRECTORY.clone(), &damage);
        let held = most_held(|| {
            let _ = directory(&bytes);
        });
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }

    #[test]
    fn random_data_sets_are_read_or_refused(mark in 0usize..4, noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let start: &[u8] = match mark {
            0 => &[],
            1 => b"DICM",
            2 => &[8, 0, 5, 0, b'C', b'S', 2, 0, b'A', b' '],
            _ => &[0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
        };
        let preamble = if mark == 1 { 128 } else { 0 };
        let bytes = [&vec![0; preamble][..], start, &noise].concat();
        let held = most_held(|| look_at(&bytes));
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }
}

#[test]
fn what_is_damaged_would_be_read_if_it_were_whole() {
    for (source, segmentation) in &*SEGMENTATIONS {
        assert_eq!(source.masks(segmentation).unwrap().frames.len(), source.info().frames);
    }
    assert_eq!(directory(&DIRECTORY).unwrap().len(), 2);
}

#[test]
fn a_value_longer_than_the_file_takes_no_memory() {
    let mut bytes = read("MR_small.dcm");
    // The first value of the data set that has a length of four bytes is asked for 2 GB.
    let at = bytes.windows(2).position(|pair| pair == b"UT" || pair == b"OW" || pair == b"OB").unwrap();
    bytes[at + 4..at + 8].copy_from_slice(&0x7FFF_FFFEu32.to_le_bytes());
    assert!(most_held(|| look_at(&bytes)) < 1 << 20);
}

#[test]
fn a_length_that_does_not_fit_the_value_representation_takes_that_of_the_dictionary() {
    let mut bytes = read("MR_small.dcm");
    let frame = DicomFile::open(bytes.clone()).unwrap().frame(0);
    // Pixel Representation, two bytes as US, says that it is UL. Read as no value at all, its two bytes would begin the
    // next header, and what follows be taken for a length of 273 MB.
    let at = bytes.windows(6).position(|header| header == b"\x28\x00\x03\x01US").unwrap();
    bytes[at + 5] = b'L';
    assert!(most_held(|| look_at(&bytes)) < 1 << 20);
    assert_eq!(DicomFile::open(bytes).unwrap().frame(0), frame);
}

#[test]
fn a_value_that_cannot_be_read_is_left_out_and_named() {
    let mut bytes = read("MR_small.dcm");
    // Slice Thickness, a text, says that it is a number of eight bytes.
    let at = bytes.windows(6).position(|header| header == b"\x18\x00\x50\x00DS").unwrap();
    bytes[at + 4..at + 6].copy_from_slice(b"FD");
    let file = DicomFile::open(bytes).unwrap();
    assert_eq!(file.frame(0), DicomFile::open(read("MR_small.dcm")).unwrap().frame(0));
}
