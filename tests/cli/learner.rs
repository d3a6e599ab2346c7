//! Learning from a few frames in memory, as the browser does it, beside `sam2rad train`.

use sam2rad::checkpoint::{Checkpoint, Dtype, TensorSource, collect};
use sam2rad::dataset::{Dataset, Split};
use sam2rad::frame::{Frame, LabelledPicture};
use sam2rad::learner::few_shot::{self, Lesson};
use sam2rad::learner::{CardConfig, LearnError, Learner, MemoryStore, Recipe, Saved, StartFile};
use sam2rad::segmenter::Segmenter;
use sam2rad::structure::Structure;
use sam2rad::train::{DataConfig, Event, FolderData, ModelConfig, TrainConfig, Trainer};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

/// burn's random numbers are the process's: one training at a time.
static ALONE: Mutex<()> = Mutex::new(());
const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/hip.safetensors");
const SEED: u64 = 5;
const STEPS: usize = 4;

/// Five simulated shoulders in the reference's layout.
fn dataset(folder: &Path) -> Dataset {
    let made = Command::new(env!("CARGO_BIN_EXE_sam2rad"))
        .args(["phantom", "--preset", "shoulder", "--count", "5", "--seed", "40", "--split", "Train", "--out"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Dataset::open(folder).unwrap()
}

fn lessons(dataset: &Dataset) -> Vec<Lesson> {
    let structures: Vec<usize> = (0..dataset.structures.len()).collect();
    let pictures = dataset.read_all(Split::Train).unwrap();
    pictures.into_iter().map(|picture| Lesson { picture, structures: structures.clone() }).collect()
}

fn base() -> StartFile {
    StartFile { name: "hip.safetensors".into(), checkpoint: Checkpoint::open(Path::new(BASE)).unwrap() }
}

fn recipe(structures: &[Structure], trained: usize) -> Recipe {
    let file = base();
    let choice = few_shot::choose(&file.checkpoint, structures);
    let mut recipe = few_shot::recipe(&choice, 256, trained, SEED, CardConfig::default());
    recipe.steps = STEPS;
    recipe
}

fn learner(dataset: &Dataset, saved: Option<Saved>) -> Learner {
    let (structures, lessons) = (dataset.structures.clone(), lessons(dataset));
    let held_back = few_shot::held_back(lessons.len());
    let recipe = recipe(&structures, lessons.len() - held_back.len());
    let data = few_shot::data(structures, lessons, &held_back, "five frames".into(), SEED, 256).unwrap();
    Learner::new(recipe, Some(base()), data, saved, Box::new(MemoryStore::new(64 << 20))).unwrap()
}

/// The total loss of each step until all are done, or `steps` are.
fn learn(learner: &mut Learner, steps: usize) -> Vec<f64> {
    let mut totals = Vec::new();
    while !learner.is_finished() && totals.len() < steps {
        totals.push(learner.step().unwrap().losses.total);
    }
    totals
}

#[test]
fn frames_in_memory_teach_what_a_folder_teaches_the_command_line() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let mut learner = learner(&dataset, None);
    let curve = learn(&mut learner, STEPS);
    let found = learner.validate().unwrap().unwrap();

    let recipe = learner.recipe().clone();
    let names = dataset.names(Split::Train);
    let held_back = few_shot::held_back(names.len());
    let mut model = ModelConfig::new(BASE);
    model.architecture = recipe.network.architecture;
    model.image_size = recipe.network.image_size;
    model.tokens = recipe.network.tokens;
    let data = DataConfig::Folder(FolderData {
        folder: folder.path().into(),
        structures: Vec::new(),
        provenance: String::new(),
        limit: None,
        validation_share: 0.0,
        validation_names: held_back.iter().map(|&i| names[i].to_owned()).collect(),
    });
    let mut config = TrainConfig::new(recipe.steps, model, data);
    config.mode = recipe.mode;
    config.seed = recipe.seed;
    config.batch_size = recipe.batch_size;
    config.prompts = recipe.prompts;
    config.augmentation = recipe.augmentation;
    config.features.variants = recipe.variants;
    config.loss = recipe.loss;
    config.optimizer = recipe.optimizer;
    config.report.validate_every = STEPS;
    config.report.overlays = 0;
    let mut trainer = Trainer::new(config, Some(base()), &folder.path().join("out"), false).unwrap();
    let (mut expected, mut dice) = (Vec::new(), Vec::new());
    trainer
        .run(&AtomicBool::new(false), &mut |event| match event {
            Event::Step { losses, .. } => expected.push(losses.total),
            Event::Validation { scores, .. } => dice.clone_from(&scores.dice),
            Event::Row(_) => (),
        })
        .unwrap();
    assert_eq!(curve, expected);
    assert_eq!(found.scores.dice, dice);
    let (ours, theirs) = (collect(&learner.result()), collect(&trainer.result()));
    for name in ours.shapes().keys() {
        assert_eq!(ours.get(name), theirs.get(name), "{name}");
    }

    // The file is a model like any other, and remembers its colours.
    let file = Segmenter::from_bytes(learner.model_file(Dtype::F16).unwrap()).unwrap();
    assert_eq!(file.structures(), dataset.structures);
    assert!(file.card().training_data.contains("five frames"), "{}", file.card().training_data);
    assert!(file.card().provenance.contains("hip.safetensors") && file.card().provenance.contains("4 steps"));
}

#[test]
fn a_checkpoint_in_memory_goes_on_to_the_same_curve() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let curve = learn(&mut learner(&dataset, None), STEPS);

    let mut first = learner(&dataset, None);
    let mut resumed = learn(&mut first, 3);
    let bytes = first.save().unwrap().to_bytes(first.recipe()).unwrap();
    let recipe = first.recipe().clone();
    drop(first);
    let saved = Saved::from_bytes(&bytes, &recipe).unwrap();
    resumed.extend(learn(&mut learner(&dataset, Some(saved)), STEPS));
    assert_eq!(resumed, curve);

    let cut = Saved::from_bytes(&bytes[..bytes.len() - 7], &recipe).err().unwrap();
    assert!(matches!(cut, LearnError::State { .. }), "{cut}");
    let mut other = recipe;
    other.seed = SEED + 1;
    assert!(matches!(Saved::from_bytes(&bytes, &other), Err(LearnError::OtherTraining)));
}

#[test]
fn a_base_models_own_structures_are_labelled_by_itself_where_nobody_did() {
    let base = Segmenter::open(BASE).unwrap();
    let phantom = sam2rad::phantom::Preset::Hip.simulate(sam2rad::phantom::Ranges::Standard, 6);
    let answer = base.segment_blocking(&base.encode(&phantom.frame), &Default::default()).unwrap().map;
    let area = |ids: &[u8], id: u8| ids.iter().filter(|found| **found == id).count();
    // A person's own structure, in the corner.
    let mut class_ids = vec![0; phantom.class_ids.len()];
    class_ids[..50].fill(3);
    let picture = LabelledPicture { name: "a".into(), frame: phantom.frame, class_ids, pixel_spacing_mm: None };
    let mut lesson = Lesson { picture, structures: vec![2] };
    few_shot::complete(&mut lesson, &base, &["ilium", "femoral head", "mine"], &[0, 1]).unwrap();
    assert_eq!(lesson.structures, [0, 1, 2]);
    for id in [1, 2] {
        assert!(area(&answer.class_ids, id) > 100);
        assert_eq!(area(&lesson.picture.class_ids, id), area(&answer.class_ids, id));
    }
    assert_eq!(area(&lesson.picture.class_ids, 3), 50);
}

/// A bright disc on grey, as `tests/browser/media.ts` makes it: what the page learns from in its test.
fn disc(frame: usize) -> LabelledPicture {
    const SIDE: usize = 128;
    let turn = frame as f64 / 24.0 * std::f64::consts::TAU;
    let (x0, y0) = (SIDE as f64 / 2.0 + SIDE as f64 / 4.0 * turn.sin(), SIDE as f64 / 2.0);
    let is_disc = |x: usize, y: usize| (x as f64 - x0).hypot(y as f64 - y0) < SIDE as f64 / 5.0;
    let is_mark = |x: usize, y: usize| x < 24 && y < 24;
    let places = || (0..SIDE * SIDE).map(|i| (i % SIDE, i / SIDE));
    let grey: Vec<u8> = places()
        .map(|(x, y)| match (is_mark(x, y), is_disc(x, y)) {
            (true, _) => 40 + 8 * frame as u8,
            (_, true) => 235,
            _ => 30 + ((x * 7 + y * 13) % 17) as u8,
        })
        .collect();
    let class_ids = places().map(|(x, y)| u8::from(is_disc(x, y))).collect();
    let frame = Frame::from_grey(SIDE, SIDE, &grey).unwrap();
    LabelledPicture { name: String::new(), frame, class_ids, pixel_spacing_mm: None }
}

/// The same numbers, of `sam2rad train`, are asked of the browser in `tests/browser/learn.spec.ts`.
#[test]
fn the_losses_are_those_of_the_browser() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let expected: Vec<f64> = serde_json::from_str(include_str!("../fixtures/few_shot_losses.json")).unwrap();
    let structures = vec![Structure { name: "disc".into(), color: [0; 3] }];
    let lessons: Vec<Lesson> = [1, 6, 11, 16].map(|frame| Lesson { picture: disc(frame), structures: vec![0] }).into();
    let held_back = few_shot::held_back(lessons.len());
    let choice = few_shot::choose(&base().checkpoint, &structures);
    let mut recipe = few_shot::recipe(&choice, 256, lessons.len() - held_back.len(), 1, CardConfig::default());
    recipe.steps = expected.len();
    let data = few_shot::data(structures, lessons, &held_back, String::new(), 1, 256).unwrap();
    let mut learner = Learner::new(recipe, Some(base()), data, None, Box::new(MemoryStore::new(64 << 20))).unwrap();
    let found = learn(&mut learner, expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found / expected - 1.0).abs() < 1e-3, "{found}, not {expected}");
    }
}
