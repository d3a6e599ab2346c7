//! Following as scenarios: what a prompt starts, what is remembered, what is forgotten, and what is refused.

#[path = "support/card.rs"]
mod card;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "golden/formula.rs"]
mod formula;

use burn::tensor::{Device, read_sync};
use sam2rad::checkpoint::{Dtype, collect, keys, keys::Naming, shapes, write_model_file};
use sam2rad::config::{Architecture, Parts, Sam2RadConfig};
use sam2rad::frame::Frame;
use sam2rad::postprocess::ClassMap;
use sam2rad::segmenter::{Request, RequestError, Segmenter, StructurePrompts, VideoFrame};
use sam2rad::tracker::{Answer, Direction, TrackError, Tracker};
use std::collections::{BTreeMap, BTreeSet};

const WIDTH: usize = 120;
const HEIGHT: usize = 90;

/// A `micro` network with two structures and the formula's weights; its memory is of SAM 2.1, or it has none.
fn config(memory: Option<&str>) -> Sam2RadConfig {
    let architecture = Architecture {
        image_encoder: "micro".into(),
        mask_decoder: "sam2_mask_decoder".into(),
        prompt_predictor: "sam2_high_res_ppn".into(),
        memory: memory.map(str::to_owned),
    };
    Sam2RadConfig::new(architecture, 256, 2, 4).unwrap()
}

fn segmenter(memory: Option<&str>) -> Segmenter {
    let config = config(memory);
    let model = formula::network(&config, "tracker:");
    Segmenter::new(model, config.clone(), card::card(&config, Dtype::F32), Device::flex())
}

/// A bright disc that moves to the right.
fn frame(segmenter: &Segmenter, at: usize) -> VideoFrame {
    let inside = |i: usize| {
        let (x, y) = ((i % WIDTH) as f64 - 40.0 - 2.0 * at as f64, (i / WIDTH) as f64 - 45.0);
        if x * x + y * y < 400.0 { 200 } else { 40 + (i * 7919 % 31) as u8 }
    };
    let grey: Vec<u8> = (0..WIDTH * HEIGHT).map(inside).collect();
    segmenter.encode_video_frame(&Frame::from_grey(WIDTH, HEIGHT, &grey).unwrap())
}

fn prompts(structure: usize) -> StructurePrompts {
    StructurePrompts { structure, bounding_box: Some([20.0, 25.0, 60.0, 65.0]), ..StructurePrompts::default() }
}

fn prompt(segmenter: &Segmenter, tracker: &mut Tracker, at: usize, structure: usize) -> Answer {
    let found = read_sync(tracker.prompt(segmenter, at, &frame(segmenter, at), &[prompts(structure)])).unwrap();
    found.into_iter().next().unwrap()
}

fn follow(segmenter: &Segmenter, tracker: &mut Tracker, at: usize, direction: Direction) -> Vec<Answer> {
    read_sync(tracker.follow(segmenter, at, &frame(segmenter, at), direction, &[0, 1])).unwrap()
}

#[test]
fn a_structure_is_followed_both_ways_from_where_it_was_prompted_and_no_other_is() {
    let segmenter = segmenter(Some("sam2.1_memory"));
    let mut tracker = Tracker::new(&segmenter, Some(6)).unwrap();
    assert!(follow(&segmenter, &mut tracker, 0, Direction::Forward).is_empty(), "nothing was prompted");
    prompt(&segmenter, &mut tracker, 2, 1);
    let structures = |found: Vec<Answer>| found.iter().map(|answer| answer.structure).collect::<Vec<_>>();
    assert_eq!(structures(follow(&segmenter, &mut tracker, 3, Direction::Forward)), [1]);
    assert_eq!(structures(follow(&segmenter, &mut tracker, 1, Direction::Backward)), [1]);
    assert!(structures(follow(&segmenter, &mut tracker, 1, Direction::Forward)).is_empty(), "it is before the prompt");
    assert!(structures(follow(&segmenter, &mut tracker, 2, Direction::Forward)).is_empty(), "it was prompted there");
}

#[test]
fn what_is_remembered_changes_what_is_found() {
    let segmenter = segmenter(Some("sam2.1_memory"));
    let found_after = |frames: std::ops::Range<usize>| {
        let mut tracker = Tracker::new(&segmenter, Some(6)).unwrap();
        prompt(&segmenter, &mut tracker, 0, 0);
        frames.for_each(|at| drop(follow(&segmenter, &mut tracker, at, Direction::Forward)));
        follow(&segmenter, &mut tracker, 4, Direction::Forward).remove(0).object_score
    };
    assert_ne!(found_after(1..4), found_after(3..4));
    assert_eq!(found_after(1..4), found_after(1..4));
}

#[test]
fn a_long_video_keeps_as_many_memories_as_a_short_one() {
    let segmenter = segmenter(Some("sam2_memory"));
    let mut tracker = Tracker::new(&segmenter, None).unwrap();
    prompt(&segmenter, &mut tracker, 0, 0);
    let counts: Vec<usize> = (1..24)
        .map(|at| {
            follow(&segmenter, &mut tracker, at, Direction::Forward);
            tracker.memories()
        })
        .collect();
    // The prompted frame, the six after it, and the last seven.
    assert_eq!(counts.iter().max(), Some(&14));
    assert_eq!(counts[13..], [14; 10]);
}

#[test]
fn a_correction_takes_the_earlier_mask_and_stays_with_the_frame() {
    let segmenter = segmenter(Some("sam2.1_memory"));
    let mut tracker = Tracker::new(&segmenter, Some(4)).unwrap();
    prompt(&segmenter, &mut tracker, 0, 0);
    let followed = follow(&segmenter, &mut tracker, 1, Direction::Forward).remove(0);
    let correction = StructurePrompts { mask: Some(followed.logits.clone()), ..prompts(0) };
    let seen = frame(&segmenter, 1);
    let corrected = read_sync(tracker.prompt(&segmenter, 1, &seen, &[correction])).unwrap().remove(0);
    assert_ne!(corrected.iou, followed.iou);
    // It was followed to, and is not a new start: it may be followed to again.
    assert_eq!(follow(&segmenter, &mut tracker, 1, Direction::Forward).len(), 1);
}

#[test]
fn a_mask_is_taken_as_it_is_and_an_empty_one_means_absence() {
    let segmenter = segmenter(Some("sam2.1_memory"));
    let mut tracker = Tracker::new(&segmenter, Some(4)).unwrap();
    let seen = frame(&segmenter, 0);
    let left = |i: usize| u8::from(i % WIDTH < WIDTH / 2);
    let map = ClassMap::from_labels(WIDTH, (0..WIDTH * HEIGHT).map(left).collect(), 2);
    let found = read_sync(tracker.take_masks(&segmenter, 0, &seen, &map, &[0, 1])).unwrap();
    assert!(found[0].is_present() && !found[1].is_present());
    let shown = segmenter.show(&seen, &found);
    assert!(shown.map.agreement(&map, 1) > 0.98, "{}", shown.map.agreement(&map, 1));
    assert_eq!(shown.map.agreement(&map, 2), 1.0);
}

#[test]
fn a_frame_that_was_looked_at_for_following_is_segmented_as_any_other() {
    let segmenter = segmenter(Some("sam2.1_memory"));
    let seen = frame(&segmenter, 0);
    let without = self::segmenter(None);
    let ask = |segmenter: &Segmenter| {
        let alone = segmenter.as_picture(&seen);
        read_sync(segmenter.segment(&alone, &Request::default())).unwrap().map
    };
    assert_eq!(ask(&segmenter), ask(&without));
}

#[test]
fn every_key_of_the_authors_checkpoints_is_used_once_or_known_to_be_of_no_use() {
    for (memory, file) in [("sam2_memory", "sam2_nano.json"), ("sam2.1_memory", "sam2.1_nano.json")] {
        let path = format!("{}/tests/fixtures/keys/{file}", env!("CARGO_MANIFEST_DIR"));
        let official: BTreeMap<String, Vec<usize>> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let architecture = Architecture { image_encoder: "nano".into(), ..config(Some(memory)).architecture };
        let parts = Parts { prompt_predictor: false, object_score: true };
        let config = Sam2RadConfig::new(architecture, 256, 1, 10).unwrap().with_parts(parts);
        let mut used = BTreeSet::new();
        for (path, shape) in shapes(&config.init(&Device::flex())) {
            let key = keys::source_name(Naming::Sam2, &config, &path);
            assert_eq!(official.get(&key), Some(&shape), "{file}: {path} is {key} there");
            assert!(used.insert(key.clone()), "{file}: {key} is used twice");
        }
        let left_over: Vec<_> = official.keys().filter(|key| !used.contains(*key)).collect();
        assert_eq!(left_over, ["no_mem_pos_enc"], "{file}");
        assert!(keys::is_ignored("no_mem_pos_enc"));
    }
}

#[test]
fn a_model_file_of_any_number_type_follows() {
    let config = config(Some("sam2.1_memory"));
    let folder = tempfile::tempdir().unwrap();
    for dtype in [Dtype::F32, Dtype::F16, Dtype::Q8] {
        let path = folder.path().join("model.safetensors");
        let mut tensors = collect(&formula::network(&config, "tracker:"));
        write_model_file(&path, &card::card(&config, dtype), &mut tensors).unwrap();
        let segmenter = Segmenter::open(&path).unwrap();
        assert_eq!(segmenter.card().architecture.memory.as_deref(), Some("sam2.1_memory"));
        let mut tracker = Tracker::new(&segmenter, Some(2)).unwrap();
        prompt(&segmenter, &mut tracker, 0, 0);
        let found = follow(&segmenter, &mut tracker, 1, Direction::Forward).remove(0);
        assert!(found.logits.iter().all(|logit| logit.is_finite()), "{dtype:?}");
    }
}

#[test]
fn what_cannot_be_followed_is_said() {
    assert_eq!(Tracker::new(&segmenter(None), None).unwrap_err(), TrackError::NoMemory);
    let segmenter = segmenter(Some("sam2.1_memory"));
    let mut tracker = Tracker::new(&segmenter, None).unwrap();
    let seen = frame(&segmenter, 0);
    let nothing = StructurePrompts { structure: 1, ..StructurePrompts::default() };
    let error = read_sync(tracker.prompt(&segmenter, 0, &seen, &[nothing])).unwrap_err();
    assert_eq!(error, TrackError::NoPrompt(1));
    let error = read_sync(tracker.prompt(&segmenter, 0, &seen, &[prompts(2)])).unwrap_err();
    assert_eq!(error, TrackError::Request(RequestError::NoSuchStructure { asked: 2, has: 2 }));
    let small = ClassMap::from_labels(2, vec![0; 4], 2);
    let error = read_sync(tracker.take_masks(&segmenter, 0, &seen, &small, &[0])).unwrap_err();
    assert!(matches!(error, TrackError::MaskSize { found_width: 2, .. }));
}
