//! The command line as scenarios.

#[path = "support/card.rs"]
mod card;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "golden/formula.rs"]
mod formula;

use sam2rad::checkpoint::{Dtype, collect, write_model_file};
use sam2rad::config::{Architecture, Sam2RadConfig};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn sam2rad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sam2rad")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A `micro` model with two structures and the golden formula's weights, the same in every run.
fn write_model(folder: &Path) -> PathBuf {
    let architecture = Architecture {
        image_encoder: "micro".into(),
        mask_decoder: "sam2_mask_decoder".into(),
        prompt_predictor: "sam2_high_res_ppn".into(),
    };
    let config = Sam2RadConfig::new(architecture, 256, 2, 10).unwrap();
    let path = folder.join("micro.safetensors");
    write_model_file(&path, &card::card(&config, Dtype::F32), &mut collect(&formula::network(&config, "cli:")))
        .unwrap();
    path
}

fn picture() -> String {
    format!("{}/tests/fixtures/frame.png", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_picture_becomes_a_mask_an_overlay_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let (model, out) = (write_model(folder.path()), folder.path().join("out"));
    let output = sam2rad(&["segment", "--model", model.to_str().unwrap(), &picture(), "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mask = image::open(out.join("frame_mask.png")).unwrap().into_luma8();
    assert_eq!(mask.dimensions(), (640, 480));
    assert!(mask.pixels().all(|pixel| pixel.0[0] <= 2));
    assert_eq!(image::open(out.join("frame_overlay.png")).unwrap().into_rgb8().dimensions(), (640, 480));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("frame.json")).unwrap()).unwrap();
    assert_eq!(report["structures"][1]["name"], "lunate");
    assert_eq!(report["milliseconds"][1][0], "image_encoder");
}

#[test]
fn a_bad_picture_is_reported_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (model, out) = (write_model(folder.path()), folder.path().join("out"));
    let bad = folder.path().join("bad.png");
    std::fs::write(&bad, b"no picture").unwrap();
    let inputs = [bad.to_str().unwrap(), &picture()];
    let arguments =
        ["segment", "--model", model.to_str().unwrap(), inputs[0], inputs[1], "--out", out.to_str().unwrap()];
    let output = sam2rad(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("1 of 2 pictures"), "{}", text(&output.stdout));
    assert!(out.join("frame_mask.png").exists());
}

#[test]
fn prompts_need_a_mode_and_a_structure() {
    let folder = tempfile::tempdir().unwrap();
    let (model, out) = (write_model(folder.path()), folder.path().join("out"));
    let segment = |more: &[&str]| {
        let (model, out, picture) = (model.to_str().unwrap(), out.to_str().unwrap(), picture());
        sam2rad(&[&["segment", "--model", model, &picture, "--out", out], more].concat())
    };
    let output = segment(&["--box", "10,10,300,200"]);
    assert!(text(&output.stderr).contains("--mode"), "{}", text(&output.stderr));
    let output = segment(&["--box", "10,10,300,200", "--mode", "semi-autonomous"]);
    assert!(text(&output.stderr).contains("--structure"), "{}", text(&output.stderr));
    let point = ["--point", "150,90,outside", "--mode", "manual", "--multimask"];
    let output = segment(&[&["--box", "10,10,300,200", "--structure", "lunate"][..], &point].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("frame.json")).unwrap()).unwrap();
    assert_eq!(report["structures"].as_array().unwrap().len(), 1, "manual mode leaves out what was not prompted");
}

#[test]
fn a_stroke_names_its_structure_and_changes_its_mask() {
    let folder = tempfile::tempdir().unwrap();
    let (model, out) = (write_model(folder.path()), folder.path().join("out"));
    let segment = |more: &[&str]| {
        let (model, out, picture) = (model.to_str().unwrap(), out.to_str().unwrap(), picture());
        sam2rad(&[&["segment", "--model", model, &picture, "--out", out], more].concat())
    };
    let iou = |output: Output, structure: usize| {
        assert!(output.status.success(), "{}", text(&output.stderr));
        let report = std::fs::read(out.join("frame.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&report).unwrap()["structures"][structure]["iou"].as_f64().unwrap()
    };
    let alone = [0, 1].map(|structure| iou(segment(&[]), structure));
    let strokes = ["--stroke", "lunate:150,90;300,120:20", "--stroke", "2:150,90:5:outside"];
    let painted =
        [0, 1].map(|structure| iou(segment(&[&["--mode", "semi-autonomous"], &strokes[..]].concat()), structure));
    // Decoded alone instead of with the other, a structure's sums may round otherwise.
    let changes = [0, 1].map(|structure| f64::abs(alone[structure] - painted[structure]));
    assert!(changes[0] < 1e-5, "the radius has no stroke: {changes:?}");
    assert!(changes[1] > 1e-5, "{changes:?}");

    for (stroke, why) in [
        ("ulna:1,1:5", "lunate"),
        ("lunate:1,1", "structure:x,y"),
        ("lunate:1;2:5", "2 numbers"),
        ("lunate:1,1:-5", "not negative"),
    ] {
        let output = segment(&["--mode", "manual", "--stroke", stroke]);
        assert!(!output.status.success() && text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
    assert!(text(&segment(&strokes).stderr).contains("--mode"));
}

#[test]
fn a_converted_model_keeps_what_it_says_and_masks_alike() {
    let folder = tempfile::tempdir().unwrap();
    let model = write_model(folder.path());
    let small = folder.path().join("small.safetensors");
    let (model, small) = (model.to_str().unwrap(), small.to_str().unwrap());
    let output = sam2rad(&["convert", model, small, "--dtype", "q8", "--structure", "ulna"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = sam2rad(&["info", small]);
    let info = text(&output.stdout);
    assert!(
        info.contains("ulna") && info.contains("lunate") && info.contains("\"q8\"") && info.contains("micro"),
        "{info}"
    );
}

#[test]
fn a_missing_and_a_wrong_file_are_named() {
    let output = sam2rad(&["info", "/nowhere/model.pt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nowhere/model.pt"));
    let output = sam2rad(&["info", &picture()]);
    assert!(text(&output.stderr).contains("not a checkpoint"), "{}", text(&output.stderr));
}
