//! Evaluation as scenarios: the formula's three-structure network judged on labels that are its own answers, where every figure
//! is known.

#[path = "../support/card.rs"]
mod card;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/file.rs"]
mod file;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/formula.rs"]
mod formula;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/run.rs"]
mod run;

use burn::tensor::{Device, read_sync};
use sam2rad::checkpoint::{Dtype, collect, write_model_file};
use sam2rad::dataset::{Dataset, LabelledPicture, Split};
use sam2rad::evaluation::{
    AutonomousScores, EvaluationError, Mask, Prompting, evaluate_picture, match_structures, relabel,
};
use sam2rad::picture;
use sam2rad::segmenter::{Request, Segmenter};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use card::NAMES;

/// The formula's network and its answer to the fixture picture.
struct World {
    segmenter: Segmenter,
    picture: LabelledPicture,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let files = file::read_folder(&file::golden_dir());
    let golden = files.iter().find(|golden| golden.config() == "nano_256_3class").expect("its vectors");
    let config = golden.network();
    let card = card::card(&config, Dtype::F32);
    let segmenter = Segmenter::new(run::network(golden), config, card, Device::flex());
    let frame = picture::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/frame.png")).unwrap();
    let answer = read_sync(segmenter.segment(&segmenter.encode(&frame), &Request::default())).unwrap();
    let class_ids = answer.map.class_ids;
    World {
        segmenter,
        picture: LabelledPicture { name: "a.png".into(), frame, class_ids, pixel_spacing_mm: Some(0.2) },
    }
});

/// The numbers of the structures that the network finds in the picture.
fn found() -> Vec<usize> {
    let present = |i: &usize| WORLD.picture.class_ids.iter().filter(|&&id| usize::from(id) == i + 1).count() > 10;
    let found: Vec<_> = (0..3).filter(present).collect();
    assert!(!found.is_empty(), "the formula's network finds nothing: the tests would show nothing");
    found
}

/// A dataset of the picture in which class id `i + 1` is `names[i]`.
fn dataset(folder: &Path, names: &[&str]) {
    for kind in ["imgs", "gts"] {
        std::fs::create_dir_all(folder.join("Test").join(kind)).unwrap();
    }
    let LabelledPicture { frame, class_ids, .. } = &WORLD.picture;
    let id = |id: u8| {
        let name = id.checked_sub(1).map(|i| NAMES[usize::from(i)]);
        names.iter().position(|other| Some(other.to_lowercase().as_str()) == name).map_or(0, |i| i as u8 + 1)
    };
    let ids = class_ids.iter().map(|&class_id| id(class_id)).collect();
    picture::write(&folder.join("Test/imgs/a.png"), frame.clone()).unwrap();
    picture::write_ids(&folder.join("Test/gts/a.png"), frame.width(), frame.height(), ids).unwrap();
    let structures: Vec<_> = names.iter().map(|name| serde_json::json!({"name": name, "color": [1, 2, 3]})).collect();
    let description = serde_json::json!({"structures": structures, "spacing_mm": {"a.png": 0.2}});
    std::fs::write(folder.join("dataset.json"), description.to_string()).unwrap();
}

fn write_model(folder: &Path) -> PathBuf {
    let path = folder.join("model.safetensors");
    let files = file::read_folder(&file::golden_dir());
    let golden = files.iter().find(|golden| golden.config() == "nano_256_3class").expect("its vectors");
    write_model_file(&path, WORLD.segmenter.card(), &mut collect(&run::network(golden))).unwrap();
    path
}

fn eval(model: &Path, data: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sam2rad"));
    command.arg("eval").arg("--model").arg(model).arg("--data").arg(data).args(more).output().unwrap()
}

#[test]
fn answers_as_labels_are_perfect_and_rightly_present() {
    let World { segmenter, picture } = &*WORLD;
    let judged = evaluate_picture(segmenter, picture, &[0, 1, 2], &[Prompting::AUTONOMOUS]).unwrap();
    let scores = AutonomousScores::new(3, &judged.structures);
    for i in found() {
        assert_eq!(scores.dice[i], Some(1.0), "{}", NAMES[i]);
    }
    assert_eq!(scores.mean_dice(), 1.0);
    // What has no pixel may be said to be there.
    assert!(scores.presence_accuracy >= Some(found().len() as f64 / 3.0), "{:?}", scores.presence_accuracy);
    let scores = evaluate_picture(segmenter, picture, &found(), &[Prompting::AUTONOMOUS]).unwrap();
    for scores in &scores.structures {
        assert_eq!((scores.iou, scores.hd95_px, scores.assd_px), (Some(1.0), Some(0.0), Some(0.0)));
        assert!(scores.is_found_present());
    }
}

#[test]
fn only_labelled_structures_are_helped() {
    let World { segmenter, picture } = &*WORLD;
    let kept = found()[0];
    let class_ids = picture.class_ids.iter().map(|&id| if usize::from(id) == kept + 1 { id } else { 0 }).collect();
    let picture = LabelledPicture { class_ids, ..picture.clone() };
    let scores = evaluate_picture(segmenter, &picture, &[0, 1, 2], &Prompting::ALL).unwrap();
    let of = |prompting| scores.structures.iter().filter(move |s| s.prompting == prompting).map(|s| s.structure);
    assert_eq!(of(Prompting::AUTONOMOUS).collect::<Vec<_>>(), [0, 1, 2]);
    for prompting in &Prompting::ALL[1..] {
        assert_eq!(of(*prompting).collect::<Vec<_>>(), [kept], "{prompting}");
    }
    let absent = scores.structures.iter().find(|s| s.structure != kept).unwrap();
    assert_eq!((absent.dice, absent.hd95_px), (None, None));
}

#[test]
fn structures_are_matched_by_name_in_any_case_and_order() {
    let folder = tempfile::tempdir().unwrap();
    dataset(folder.path(), &["Ulna", "LUNATE", "radius"]);
    let dataset = Dataset::open(folder.path()).unwrap();
    let matched = match_structures(WORLD.segmenter.structures(), &dataset).unwrap();
    assert_eq!(matched, [2, 1, 0]);
    let picture = relabel(dataset.read(Split::Test, 0).unwrap(), &matched);
    assert_eq!(picture.class_ids, WORLD.picture.class_ids);
}

#[test]
fn a_structure_that_the_model_lacks_is_an_error_with_both_lists() {
    let folder = tempfile::tempdir().unwrap();
    dataset(folder.path(), &["radius", "femur"]);
    let dataset = Dataset::open(folder.path()).unwrap();
    let error = match_structures(WORLD.segmenter.structures(), &dataset).unwrap_err();
    assert!(matches!(&error, EvaluationError::Structures { missing, .. } if missing == &["femur"]));
    let text = error.to_string();
    assert!(text.contains("radius, lunate, ulna") && text.contains("radius, femur"), "{text}");
}

#[test]
fn the_command_writes_every_figure_and_the_worst_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    let names: Vec<_> = found().into_iter().map(|i| NAMES[i]).collect();
    dataset(&data, &names);
    let model = write_model(folder.path());
    let output = eval(&model, &data, &["--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let page = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains(&page), "the page is printed too");
    let start: String = page.lines().take(3).collect();
    assert!(start.contains("not a medical device") && start.contains("they test the program"), "{page}");
    let row = format!("| autonomous | {} | 1 | 1.000 ± 0.000 (1.000) | 1.000", names[0]);
    assert!(page.contains(&row) && page.contains("HD95, mm"), "{page}");
    assert!(page.contains("changes mean Dice from 1.000 to"), "{page}");

    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!((report["unit"].as_str(), report["presence"][0]["accuracy"].as_f64()), (Some("mm"), Some(1.0)));
    let mut table = csv::Reader::from_path(out.join("pictures.csv")).unwrap();
    assert_eq!(table.records().count(), names.len() * Prompting::ALL.len());
    let overlay = picture::read(&out.join("worst_1_dice_1.000_a.png")).unwrap();
    assert!(overlay.rgb() != WORLD.picture.frame.rgb(), "something is drawn on it");
}

#[test]
fn a_missing_split_is_named_before_the_model_is_read() {
    let folder = tempfile::tempdir().unwrap();
    dataset(folder.path(), &NAMES);
    let output = eval(Path::new("/nowhere.safetensors"), folder.path(), &["--split", "Train"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("folder Train"), "{error}");
}

#[test]
fn a_mask_knows_its_area_and_box() {
    let mask = Mask::of_class(4, &[0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 2, 1], 2);
    let extent = mask.extent();
    let bounds = extent.bounds.unwrap();
    assert_eq!((extent.area, bounds.left, bounds.top, bounds.right, bounds.bottom), (3, 1, 1, 3, 3));
}
