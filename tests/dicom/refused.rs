//! What cannot be read says why.

use sam2rad::dicom::{DicomError, DicomFile};

use super::{open, read};

fn refusal(bytes: &[u8]) -> String {
    DicomFile::open(bytes.to_vec()).unwrap_err().to_string()
}

#[test]
fn another_kind_of_file_is_named() {
    assert!(refusal(include_bytes!("../fixtures/frame.png")).contains("it is a PNG picture"));
    assert!(refusal(b"").contains("it is empty"));
    assert!(refusal(&[7; 500]).contains("the mark of DICOM files is missing"));
}

#[test]
fn a_report_holds_no_pictures() {
    assert_eq!(DicomFile::open(read("reportsi.dcm")).unwrap_err(), DicomError::NoPixelData);
}

#[test]
fn a_transfer_syntax_that_is_not_read_is_named() {
    let jpeg_ls = refusal(&read("JPEGLSNearLossless_08.dcm"));
    assert!(jpeg_ls.contains("1.2.840.10008.1.2.4.81") && jpeg_ls.contains("JPEG-LS"), "{jpeg_ls}");
    let deflated = refusal(&read("image_dfl.dcm"));
    assert!(deflated.contains("1.2.840.10008.1.2.1.99") && deflated.contains("Deflated"), "{deflated}");
}

#[test]
fn a_cine_that_was_cut_short_shows_its_whole_frames_and_names_the_damaged_one() {
    let whole = read("examples_ybr_color.dcm");
    let cut = DicomFile::open(whole[..whole.len() / 2].to_vec()).unwrap();
    let info = cut.info();
    assert!((10..20).contains(&info.frames), "{}", info.frames);
    assert_eq!(info.frames + info.missing_frames, 30);
    let last = info.frames - 1;
    assert_eq!(cut.frame(last - 1), open("examples_ybr_color.dcm").frame(last - 1));
    let error = cut.frame(last).unwrap_err().to_string();
    assert!(error.contains(&format!("frame {last} (counted from 0) cannot be decoded")), "{error}");
    assert_eq!(cut.frame(last + 1), Err(DicomError::NoFrame { index: last + 1, frames: last + 1 }));
}

#[test]
fn uncompressed_pictures_that_were_cut_short_say_so() {
    let file = open("MR_truncated.dcm");
    assert!(file.frame(0).unwrap_err().to_string().contains("the file ends within it"));
}

#[test]
fn a_file_that_ends_before_its_pictures_says_where() {
    let whole = read("MR_small.dcm");
    let error = refusal(&whole[..600]);
    assert!(error.contains("ends within the element") || error.contains("damaged"), "{error}");
}
