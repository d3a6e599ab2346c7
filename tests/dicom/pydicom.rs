//! Pictures and descriptions as pydicom gives them.

use std::collections::BTreeMap;

use sam2rad::dicom::{DataType, DicomFile, DicomNote, SpacingSource, SpatialFormat};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{open, path, read};

/// What pydicom makes of a file.
#[derive(Deserialize)]
struct Expected {
    frames: usize,
    /// The first and the last frame, by their number.
    at: BTreeMap<usize, ExpectedFrame>,
}

#[derive(Deserialize)]
struct ExpectedFrame {
    width: usize,
    height: usize,
    /// Of the RGB bytes, where no detail was lost when the file was compressed.
    sha256: Option<String>,
    /// Mean value of each row, over its three channels.
    row_means: Option<Vec<f64>>,
    /// Every how many pixels one is given.
    step: Option<usize>,
    /// Those pixels as hexadecimal digits.
    pixels: Option<String>,
}

fn expected() -> BTreeMap<String, Expected> {
    serde_json::from_slice(&read("pydicom.json")).unwrap()
}

#[test]
fn lossless_files_give_pydicoms_pixels_exactly_and_lossy_ones_within_two() {
    let mut compared = 0;
    for (name, expected) in expected() {
        if path(&name).is_none() {
            println!("skipped: {name} is not here (../shared/us)");
            continue;
        }
        let file = open(&name);
        assert_eq!((file.info().frames, file.info().missing_frames), (expected.frames, 0), "{name}");
        for (index, expected) in expected.at {
            let frame = file.frame(index).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((frame.width(), frame.height()), (expected.width, expected.height), "{name}");
            match expected.sha256 {
                Some(sha256) => assert_eq!(hex(&Sha256::digest(frame.rgb())), sha256, "{name}, frame {index}"),
                None => compare_lossy(&name, frame.rgb(), &expected),
            }
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared} frames");
}

/// Decoders of lossy files may round differently: by up to two, and in the mean by less than half.
fn compare_lossy(name: &str, rgb: &[u8], expected: &ExpectedFrame) {
    for (y, (row, mean)) in rgb.chunks_exact(expected.width * 3).zip(expected.row_means.as_ref().unwrap()).enumerate() {
        let found = row.iter().map(|&value| f64::from(value)).sum::<f64>() / row.len() as f64;
        assert!((found - mean).abs() < 1.0, "{name}: row {y} has the mean {found}, not {mean}");
    }
    let pixels = rgb.as_chunks::<3>().0.iter().step_by(expected.step.unwrap()).flatten();
    let bytes = expected.pixels.as_ref().unwrap().as_bytes().as_chunks::<2>().0;
    let bytes = bytes.iter().map(|&[high, low]| (digit(high) << 4) | digit(low));
    let differences: Vec<_> = pixels.zip(bytes).map(|(found, expected)| found.abs_diff(expected)).collect();
    assert_eq!(differences.len(), expected.pixels.as_ref().unwrap().len() / 2);
    assert!(differences.iter().all(|&difference| difference <= 2), "{name}: {:?}", differences.iter().max());
    let sum: usize = differences.iter().map(|&difference| usize::from(difference)).sum();
    assert!(sum * 2 < differences.len(), "{name}: {sum} in {}", differences.len());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digit(character: u8) -> u8 {
    (character as char).to_digit(16).unwrap() as u8
}

#[test]
fn a_cine_says_when_its_frames_were_taken_and_what_took_it() {
    let file = open("examples_ybr_color.dcm");
    let info = file.info();
    let times = info.frame_times.as_deref().unwrap();
    assert_eq!((times.len(), times[0]), (30, 0.0));
    assert!((times[29] - 29.0 * 0.033_333).abs() < 1e-9, "{}", times[29]);
    assert_eq!((info.width, info.height, info.lossy), (320, 240, true));
    assert_eq!(info.modality.as_deref(), Some("US"));
    assert_eq!(info.manufacturer.as_deref(), Some("SonoSite, Inc."));
    assert_eq!(info.transfer_syntax.uid, "1.2.840.10008.1.2.4.50");
}

#[test]
fn the_largest_tissue_region_gives_crop_and_spacing() {
    let file = open("OBXXXX1A_rle.dcm");
    let info = file.info();
    assert_eq!(info.regions.len(), 2);
    assert_eq!(info.regions[0].spatial_format, SpatialFormat::TwoDimensional);
    assert_eq!(info.regions[1].data_type, DataType::Ecg);
    assert_eq!(info.crop, Some([120, 60, 800, 519]));
    // A region's millimetres count in that region alone.
    assert_eq!((info.picture_spacing, info.spacing_at(10, 10)), (None, None));
    let spacing = info.spacing_at(400, 300).unwrap();
    assert_eq!(spacing.source, SpacingSource::UltrasoundRegion);
    assert!((spacing.x_mm - 0.262_287_876_6).abs() < 1e-9 && spacing.x_mm == spacing.y_mm);
}

#[test]
fn a_region_that_reaches_out_of_the_picture_is_not_trusted() {
    // The cine was made smaller, its region still counts the pixels of the larger one.
    let file = open("examples_ybr_color.dcm");
    assert!(file.info().regions.is_empty());
    assert_eq!((file.info().crop, file.info().spacing_at(100, 100)), (None, None));
    assert_eq!(file.info().notes, [DicomNote::RegionsOutside { count: 1 }]);
}

#[test]
fn a_picture_without_regions_has_the_spacing_of_its_pixels() {
    let spacing = open("MR_small.dcm").info().picture_spacing.unwrap();
    assert_eq!((spacing.source, spacing.x_mm, spacing.y_mm), (SpacingSource::PixelSpacing, 0.3125, 0.3125));
}

#[test]
fn preamble_and_meta_group_may_be_missing() {
    for name in ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"] {
        let whole = read(name);
        let frame = open(name).frame(0).unwrap();
        let without_preamble = DicomFile::open(whole[128..].to_vec()).unwrap();
        assert_eq!(without_preamble.frame(0).unwrap(), frame, "{name}");
        // The meta group's length is its first value.
        let length = u32::from_le_bytes(*whole[140..].first_chunk().unwrap()) as usize;
        let bare = DicomFile::open(whole[144 + length..].to_vec()).unwrap();
        assert_eq!(bare.frame(0).unwrap(), frame, "{name}");
    }
}
