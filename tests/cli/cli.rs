//! The command line as scenarios.

#[path = "../support/card.rs"]
mod card;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/formula.rs"]
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
    write_model_with_memory(folder, None)
}

fn write_model_with_memory(folder: &Path, memory: Option<&str>) -> PathBuf {
    let architecture = Architecture {
        image_encoder: "micro".into(),
        mask_decoder: "sam2_mask_decoder".into(),
        prompt_predictor: "sam2_high_res_ppn".into(),
        memory: memory.map(str::to_owned),
    };
    let config = Sam2RadConfig::new(architecture, 256, 2, 10).unwrap();
    let path = folder.join("micro.safetensors");
    write_model_file(&path, &card::card(&config, Dtype::F32), &mut collect(&formula::network(&config, "cli:")))
        .unwrap();
    path
}

fn picture() -> String {
    format!("{}/../../tests/fixtures/frame.png", env!("CARGO_MANIFEST_DIR"))
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
    assert!(text(&output.stdout).contains("1 of 2 files"), "{}", text(&output.stdout));
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

/// Three frames of a sweep, from a picture.
fn write_frames(folder: &Path) -> PathBuf {
    let frames = folder.join("frames");
    std::fs::create_dir(&frames).unwrap();
    let picture = image::open(picture()).unwrap();
    for i in 0..3 {
        picture.crop_imm(10 * i, 0, 300, 200).save(frames.join(format!("frame{i}.png"))).unwrap();
    }
    frames
}

#[test]
fn a_structure_is_followed_from_a_box_to_both_ends_of_a_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let model = write_model_with_memory(folder.path(), Some("sam2.1_memory"));
    let (frames, out) = (write_frames(folder.path()), folder.path().join("out"));
    let prompts = folder.path().join("prompts.json");
    std::fs::write(&prompts, r#"[{"frame": 1, "structure": "lunate", "box": [40, 40, 200, 150]}]"#).unwrap();
    let track = |arguments: &[&str]| {
        let given = ["track", "--model", model.to_str().unwrap(), frames.to_str().unwrap(), "--out"];
        sam2rad(&[&given[..], &[out.to_str().unwrap()], arguments].concat())
    };
    let output = track(&["--prompts", prompts.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("track.json")).unwrap()).unwrap();
    let roles: Vec<_> = (0..3).map(|i| report["frames"][i]["structures"][0]["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["followed", "prompted", "followed"]);
    assert_eq!(report["frames"][0]["structures"][0]["name"], "lunate");
    assert!(report["frames"][0]["structures"][0]["agreement"].is_number());
    for i in 0..3 {
        let mask = image::open(out.join(format!("frame{i}_mask.png"))).unwrap().into_luma8();
        assert!(mask.dimensions() == (300, 200) && mask.pixels().all(|pixel| [0, 2].contains(&pixel.0[0])));
        assert!(out.join(format!("frame{i}.json")).is_file() && out.join(format!("frame{i}_overlay.png")).is_file());
    }

    for (wrong, why) in [
        (r#"[{"frame": 3, "structure": 1, "box": [1, 1, 9, 9]}]"#, "there are 3"),
        (r#"[{"frame": 0, "structure": "ulna", "box": [1, 1, 9, 9]}]"#, "lunate"),
        (r#"[{"frame": 0, "structure": 1}]"#, "neither box nor point"),
        ("[]", "no prompt"),
    ] {
        std::fs::write(&prompts, wrong).unwrap();
        let output = track(&["--prompts", prompts.to_str().unwrap()]);
        assert!(!output.status.success() && text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}

#[test]
fn a_model_without_memory_follows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (model, frames) = (write_model(folder.path()), write_frames(folder.path()));
    let output = sam2rad(&["track", "--model", model.to_str().unwrap(), frames.to_str().unwrap(), "--out", "/nowhere"]);
    assert!(!output.status.success() && text(&output.stderr).contains("no memory"), "{}", text(&output.stderr));
}

#[test]
fn a_missing_and_a_wrong_file_are_named() {
    let output = sam2rad(&["info", "/nowhere/model.pt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nowhere/model.pt"));
    let output = sam2rad(&["info", &picture()]);
    assert!(text(&output.stderr).contains("not a checkpoint"), "{}", text(&output.stderr));
}

/// A file or folder of the cases after public bug reports.
fn case(path: &str) -> String {
    format!("{}/../../tests/fixtures/cases/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a folder, by its path from there on.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Segments inputs into a folder; its files, and what was said.
fn segmented(inputs: &[&str], more: &[&str]) -> (tempfile::TempDir, Vec<String>, Output) {
    let folder = tempfile::tempdir().unwrap();
    let (model, out) = (write_model(folder.path()), folder.path().join("out"));
    let arguments = [&["segment", "--model", model.to_str().unwrap()], inputs, &["--out", out.to_str().unwrap()], more];
    let output = sam2rad(&arguments.concat());
    let written = if out.exists() { files(&out) } else { Vec::new() };
    (folder, written, output)
}

fn report(folder: &tempfile::TempDir, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.path().join("out").join(name)).unwrap()).unwrap()
}

#[test]
fn a_picture_is_turned_upright_as_its_metadata_say() {
    let (folder, _, output) = segmented(&[&case("25-exif-orientation/orientation-6.jpg")], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = report(&folder, "orientation-6.json");
    assert_eq!((report["width"].as_u64(), report["height"].as_u64()), (Some(120), Some(200)));
    for name in ["orientation-6", "orientation-3"] {
        let file = |suffix: &str| PathBuf::from(case(&format!("25-exif-orientation/{name}{suffix}")));
        let found = sam2rad::picture::read(&file(".jpg")).unwrap();
        let expected = sam2rad::picture::read(&file(".expected.png")).unwrap();
        let off = found.rgb().iter().zip(expected.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(found.width() == expected.width() && off <= Some(4), "{name}: {off:?}");
        assert_eq!(sam2rad::picture::size(&file(".jpg")).unwrap(), (expected.width(), expected.height()));
    }
}

#[test]
fn a_folder_of_a_mac_has_its_pictures_and_no_companions() {
    let (_folder, written, output) = segmented(&[&case("26-folder-with-mac-files/pictures")], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(written, ["a.json", "a_mask.png", "a_overlay.png", "b.json", "b_mask.png", "b_overlay.png"]);
}

#[test]
fn pictures_of_one_name_in_two_folders_are_both_written() {
    let (_folder, written, output) = segmented(&[&case("27-same-name-in-two-folders/pictures")], &[]);
    assert!(text(&output.stdout).contains("2 of 2 files"), "{}", text(&output.stderr));
    let of = |folder: &str| {
        ["json", "mask", "overlay"].map(|what| match what {
            "json" => format!("{folder}/frame_001.json"),
            what => format!("{folder}/frame_001_{what}.png"),
        })
    };
    assert_eq!(written, [of("patient1"), of("patient2")].concat());
}

#[test]
fn a_file_beside_the_inputs_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let model = write_model(folder.path());
    let file = |name: &str| folder.path().join(name);
    std::fs::copy(picture(), file("a.png")).unwrap();
    std::fs::write(file("a.json"), "notes").unwrap();
    let [model, input, out] =
        [&model, &file("a.png"), &folder.path().to_owned()].map(|path| path.display().to_string());
    let output = sam2rad(&["segment", "--model", &model, &input, "--out", &out]);
    assert!(!output.status.success() && text(&output.stderr).contains("--out"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(file("a.json")).unwrap(), b"notes");
    assert!(!file("a_mask.png").exists());
}

#[test]
fn hidden_colours_are_black_and_labels_with_palettes_are_read() {
    let frame = sam2rad::picture::read(Path::new(&case("29-png-with-hidden-colours/a.png"))).unwrap();
    assert!(!frame.rgb().as_chunks::<3>().0.contains(&[255, 0, 255]));
    for kind in ["palette", "grey2-trns"] {
        let label = case(&format!("30-label-with-palette/{kind}/Test/gts/a.png"));
        let ids = sam2rad::picture::read_ids(Path::new(&label)).unwrap().ids;
        let count = |id: u8| ids.iter().filter(|&&found| found == id).count();
        assert_eq!((count(1), count(2), ids.iter().max()), (1200, 1600, Some(&2)), "{kind}");
    }
}

#[test]
fn a_cine_is_segmented_frame_by_frame_with_its_times_and_a_segmentation_object() {
    let source = case("10-frame-time-vector/a.dcm");
    let (folder, written, output) = segmented(&[&source], &["--seg"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(written.iter().filter(|name| name.ends_with("_mask.png")).count(), 5);
    let times: Vec<_> =
        (1..=5).map(|frame| report(&folder, &format!("a/{frame:04}.json"))["time_s"].as_f64()).collect();
    assert_eq!(times, [0.0, 0.02, 0.04, 0.24, 0.26].map(Some));
    let mask = |frame: usize| folder.path().join(format!("out/a/{frame:04}_mask.png"));
    let is_empty = |frame| sam2rad::picture::read_ids(&mask(frame)).unwrap().ids.iter().all(|&id| id == 0);
    let Ok(seg) = std::fs::read(folder.path().join("out/a_seg.dcm")) else {
        assert!((1..=5).all(is_empty), "{}", text(&output.stderr));
        return;
    };
    let file = sam2rad::dicom::DicomFile::open(std::fs::read(source).unwrap()).unwrap();
    for frame in file.masks(&seg).unwrap().frames {
        assert_eq!(sam2rad::picture::read_ids(&mask(frame.index + 1)).unwrap().ids, frame.class_ids);
    }
}

#[test]
fn a_cine_of_the_left_ventricle_has_the_areas_of_its_frames_and_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let (model, heart) = (write_model(folder.path()), folder.path().join("heart.safetensors"));
    let [model, heart, out] = [model, heart, folder.path().join("out")].map(|path| path.display().to_string());
    let names = ["--structure", "left ventricle", "--structure", "lunate"];
    let output = sam2rad(&[&["convert", &model, &heart][..], &names].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let cine = case("10-frame-time-vector/a.dcm");
    let output = sam2rad(&["segment", "--model", &heart, &cine, "--out", &out, "--spacing", "0.5,0.25"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let beat = report(&folder, "a/beat.json");
    assert_eq!(beat["times_s"], serde_json::json!([0.0, 0.02, 0.04, 0.24, 0.26]));
    for frame in 1..=5 {
        let report = report(&folder, &format!("a/{frame:04}.json"));
        assert_eq!(report["spacing_mm"], serde_json::json!([0.5, 0.25]));
        let measured = &report["measurement"];
        assert_eq!(beat["areas_px"][frame - 1].as_f64(), measured["area_px"].as_f64(), "{measured}");
        let area_mm2 = measured["area_px"].as_f64().map(|area| area * 0.125);
        assert_eq!(measured["area_mm2"].as_f64(), area_mm2, "{measured}");
    }
    assert!(!folder.path().join("out/beat.json").exists(), "a single cine is no frame of another");
}

#[test]
fn arguments_that_would_not_be_used_are_errors() {
    let (_folder, _, output) = segmented(&[&picture()], &["--structure", "lunate"]);
    assert!(!output.status.success() && text(&output.stderr).contains("--point and --box"), "{}", text(&output.stderr));
    let (_folder, _, output) = segmented(&[&picture()], &["--seg"]);
    assert!(
        !output.status.success() && text(&output.stderr).contains("--seg is for DICOM"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn arguments_of_other_commands_that_would_not_be_used_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let model = write_model(folder.path());
    let (model, other) = (model.to_str().unwrap(), folder.path().join("other.safetensors"));
    let other = other.to_str().unwrap();
    let three = ["--structure", "a", "--structure", "b", "--structure", "c"];
    for (arguments, why) in [
        ([&["convert", model, other][..], &three].concat(), "names 3 structures, and the file has prompts for 2"),
        (vec!["convert", model, other, "--merge-lora"], "no LoRA"),
        (vec!["convert", model, other, "--dataset", "wrist"], "none is `wrist`"),
        (vec!["convert", model, model], "input would be replaced"),
        (vec!["train", "--example-config", "--out", other], "cannot be used"),
        (vec!["phantom", "--preset", "hip", "--out", other, "--frames", "3"], "--sweep"),
    ] {
        let output = sam2rad(&arguments);
        assert!(!output.status.success() && text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
    assert!(!Path::new(other).exists());
}

#[test]
fn the_help_of_each_command_shows_an_example() {
    for command in ["info", "convert", "segment", "track", "train", "phantom", "eval"] {
        let help = text(&sam2rad(&[command, "--help"]).stdout);
        let (_, examples) = help.split_once("Examples:").unwrap_or_else(|| panic!("{command}: {help}"));
        assert!(examples.contains(&format!("sam2rad {command} ")), "{command}: {examples}");
    }
}

#[test]
fn an_evaluation_reads_the_frames_of_a_dicom_file_and_the_size_of_its_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let dicom = format!("{}/../../tests/fixtures/dicom/", env!("CARGO_MANIFEST_DIR"));
    for (from, to) in [("MR_small.dcm", "still.dcm"), ("SC_rgb_rle_2frame.dcm", "cine.dcm")] {
        std::fs::create_dir_all(data.join("Test/imgs")).unwrap();
        std::fs::copy(format!("{dicom}{from}"), data.join("Test/imgs").join(to)).unwrap();
    }
    let label = |path: &str, size: u32| {
        let path = data.join("Test/gts").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::GrayImage::from_fn(size, size, |x, y| image::Luma([u8::from(x > 20 && y > 20)])).save(path).unwrap();
    };
    label("still.png", 64);
    label("cine/0002.png", 100);
    let (model, out) = (write_model(folder.path()), folder.path().join("out"));
    let output = sam2rad(&[
        "eval",
        "--model",
        model.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    let pictures = report["pictures"].as_array().unwrap();
    assert_eq!(pictures.iter().map(|picture| &picture["name"]).collect::<Vec<_>>(), ["cine.dcm/0002", "still.dcm"]);
    assert_eq!(pictures[0]["pixel_spacing_mm"], 1.0);
    assert!((pictures[1]["pixel_spacing_mm"].as_f64().unwrap() - 0.3125).abs() < 1e-6, "{}", pictures[1]);
}

#[test]
fn an_evaluation_counts_what_is_missed_and_wants_one_number_for_a_pixels_size() {
    let model = format!("{}/../../weights/hip.safetensors", env!("CARGO_MANIFEST_DIR"));
    let eval = |data: &str| sam2rad(&["eval", "--model", &model, "--data", &case(data)]);
    let output = eval("40-eval-where-nothing-is-found/data");
    let page = text(&output.stdout);
    assert!(output.status.success() && !page.contains("NaN"), "{page}{}", text(&output.stderr));
    let row = page.lines().find(|line| line.starts_with("| autonomous | ilium |")).unwrap();
    assert!(row.starts_with("| autonomous | ilium | 2 | 0.000") && row.ends_with("| - | - | 2 |"), "{row}");
    let output = eval("41-eval-anisotropic-spacing/data");
    let error = text(&output.stderr);
    assert!(!output.status.success() && error.contains("spacing_mm\": {\"a.png\": 0.1}"), "{error}");
}

#[test]
fn info_without_a_file_says_what_this_machine_computes_on() {
    let output = sam2rad(&["info"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.lines().any(|line| line.starts_with("cpu  ") && line.ends_with(" threads")), "{said}");
    assert!(said.contains("gpu  ") || cfg!(feature = "gpu"), "{said}");
}

/// Needs a GPU or Debian's mesa-vulkan-drivers.
#[cfg(feature = "gpu")]
#[test]
fn a_gpu_draws_the_masks_that_the_cpu_draws() {
    let folder = tempfile::tempdir().unwrap();
    let model = write_model(folder.path());
    let [cpu, gpu] = ["cpu", "gpu"].map(|device| {
        let out = folder.path().join(device);
        let [model, to] = [&model, &out].map(|path| path.to_str().unwrap());
        let output = sam2rad(&["segment", "--model", model, &picture(), "--out", to, "--device", device]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        image::open(out.join("frame_mask.png")).unwrap().into_luma8()
    });
    let differ = cpu.pixels().zip(gpu.pixels()).filter(|(a, b)| a != b).count();
    assert!(differ < 640 * 480 / 1000, "{differ} pixels differ");
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_program_without_kernels_for_a_gpu_says_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let (model, out) = (write_model(folder.path()), folder.path().join("out"));
    let [model, out] = [&model, &out].map(|path| path.to_str().unwrap());
    let output = sam2rad(&["segment", "--model", model, &picture(), "--out", out, "--device", "gpu"]);
    assert!(text(&output.stderr).contains("--features gpu"), "{}", text(&output.stderr));
}
