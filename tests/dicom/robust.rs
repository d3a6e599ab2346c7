//! Whatever the bytes, a file is read or refused: nothing panics, hangs, or takes memory that the file could not fill.
//! `PROPTEST_CASES=1000000 cargo test --release --features dicom --test dicom robust` tries for minutes.

use proptest::prelude::*;
use sam2rad::dicom::DicomFile;

use super::memory::most_held;
use super::read;

/// Opens a file and decodes its first and last frame, if it can.
fn look_at(bytes: &[u8]) {
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
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        near_the_start in any::<bool>(),
        end in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = read(seed);
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()).max(1));
        }
        // The headers decide most; changes all over a file would seldom meet them.
        let reach = if near_the_start { bytes.len().min(2500) } else { bytes.len() };
        for (at, byte) in &changes {
            bytes[at.index(reach)] = *byte;
        }
        let held = most_held(|| look_at(&bytes));
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
