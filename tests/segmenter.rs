//! Requests as scenarios: what a person's strokes change, what a missing token changes, and what is refused.

#[path = "support/card.rs"]
mod card;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "golden/formula.rs"]
mod formula;

use burn::tensor::{Device, Tensor, TensorData, read_sync};
use sam2rad::brush::{Stroke, paint};
use sam2rad::checkpoint::Dtype;
use sam2rad::config::{Architecture, Parts, Sam2RadConfig};
use sam2rad::frame::Frame;
use sam2rad::model::{ManualPrompts, Sam2Rad};
use sam2rad::preprocess::{FrameTransform, preprocess};
use sam2rad::segmenter::{Mode, Request, RequestError, Segmentation, Segmenter, StructurePrompts};

const SIZE: usize = 256;
const SIDE: usize = SIZE / 4;
const TOKENS: usize = 4;

/// A `micro` model with two structures and the golden formula's weights, twice: as it is, and at work.
fn model() -> (Sam2Rad, Segmenter) {
    let device = Device::flex();
    let architecture = Architecture {
        image_encoder: "micro".into(),
        mask_decoder: "sam2_mask_decoder".into(),
        prompt_predictor: "sam2_high_res_ppn".into(),
        memory: None,
    };
    let config = Sam2RadConfig::new(architecture, SIZE, 2, TOKENS).unwrap();
    let card = card::card(&config, Dtype::F32);
    let model = formula::network(&config, "segmenter:");
    (model.clone(), Segmenter::new(model, config, card, device))
}

fn frame() -> Frame {
    let grey: Vec<u8> = (0..120 * 90).map(|i| (i * 7919 % 251) as u8).collect();
    Frame::from_grey(120, 90, &grey).unwrap()
}

fn transform() -> FrameTransform {
    FrameTransform::new(120, 90, SIZE)
}

fn strokes() -> Vec<Stroke> {
    let path = vec![[20.0, 20.0], [80.0, 50.0]];
    vec![Stroke { path, radius: 12.0, inside: true }, Stroke { path: vec![[50.0, 35.0]], radius: 6.0, inside: false }]
}

fn ask(segmenter: &Segmenter, request: &Request) -> Segmentation {
    read_sync(segmenter.segment(&segmenter.encode(&frame()), request)).unwrap()
}

fn prompted(mode: Mode, prompts: StructurePrompts) -> Request {
    Request { mode, prompts: vec![prompts], ..Request::default() }
}

/// The predicted IoU of a decoding, in which every weight and prompt has a part.
fn iou(model: &Sam2Rad, learnt: Option<[Vec<i32>; 2]>, mask: Option<Vec<f32>>) -> f32 {
    let device = Device::flex();
    let pixels = preprocess(&frame(), &transform(), &Default::default());
    let features = model.encode_image(Tensor::from_data(TensorData::new(pixels, [1, 3, SIZE, SIZE]), &device));
    let predicted = model.predict_prompts(&features).unwrap();
    let indices = |rows: &[i32]| Tensor::from_data(TensorData::new(rows.to_vec(), [rows.len()]), &device);
    let mask = mask.map(|mask| Tensor::from_data(TensorData::new(mask, [1, SIDE, SIDE, 1]), &device));
    let embedded = model.encode_prompts(&ManualPrompts { mask: mask.clone(), ..ManualPrompts::default() });
    let (sparse, dense) = match learnt {
        None => (None, embedded.dense),
        Some([rows, tokens]) => {
            let dense = predicted.dense.select(0, indices(&rows));
            let sparse = predicted.sparse.select(0, indices(&rows)).select(1, indices(&tokens));
            (Some(sparse), if mask.is_some() { embedded.dense } else { dense })
        }
    };
    model.decode_masks(&features, sparse, dense, false).iou.into_data().iter::<f32>().next().unwrap()
}

fn interim_mask(model: &Sam2Rad, structure: usize) -> Vec<f32> {
    let pixels = preprocess(&frame(), &transform(), &Default::default());
    let image = Tensor::from_data(TensorData::new(pixels, [1, 3, SIZE, SIZE]), &Device::flex());
    let predicted = model.predict_prompts(&model.encode_image(image)).unwrap();
    predicted.interim_mask.narrow(0, structure, 1).into_data().iter().collect()
}

fn assert_close(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
}

#[test]
fn strokes_override_the_interim_mask_in_semi_autonomous_mode() {
    let (model, segmenter) = model();
    let prompts = StructurePrompts { structure: 1, strokes: strokes(), ..StructurePrompts::default() };
    let found = ask(&segmenter, &prompted(Mode::SemiAutonomous, prompts));
    let mut painted = interim_mask(&model, 1);
    paint(&strokes(), &transform(), &mut painted);
    let all: Vec<i32> = (0..TOKENS as i32).collect();
    assert_close(found.structures[1].iou, iou(&model, Some([vec![1], all]), Some(painted)));
    let alone = ask(&segmenter, &Request::default());
    assert_close(found.structures[0].iou, alone.structures[0].iou);
    assert!((found.structures[1].iou - alone.structures[1].iou).abs() > 1e-4);
}

#[test]
fn an_entry_without_strokes_changes_nothing() {
    let (_, segmenter) = model();
    let alone = ask(&segmenter, &Request::default());
    let empty = StructurePrompts { structure: 1, ..StructurePrompts::default() };
    let found = ask(&segmenter, &prompted(Mode::SemiAutonomous, empty));
    assert_close(found.structures[1].iou, alone.structures[1].iou);
}

#[test]
fn strokes_are_the_mask_prompt_in_manual_mode() {
    let (model, segmenter) = model();
    let prompts = StructurePrompts { strokes: strokes(), ..StructurePrompts::default() };
    let found = ask(&segmenter, &prompted(Mode::Manual, prompts));
    let mut mask = vec![-8.0; SIDE * SIDE];
    paint(&strokes(), &transform(), &mut mask);
    assert!(mask.contains(&8.0));
    assert_close(found.structures[0].iou, iou(&model, None, Some(mask.clone())));
    // A mask of logits and the strokes that make it are the same prompt.
    let as_mask = StructurePrompts { mask: Some(mask), ..StructurePrompts::default() };
    assert_eq!(ask(&segmenter, &prompted(Mode::Manual, as_mask)).structures, found.structures);
}

#[test]
fn a_token_that_is_off_is_not_given_to_the_decoder() {
    let (model, segmenter) = model();
    let found = ask(&segmenter, &Request { tokens_off: vec![2], ..Request::default() });
    for structure in 0..2 {
        let expected = iou(&model, Some([vec![structure], vec![0, 1, 3]]), None);
        assert_close(found.structures[structure as usize].iou, expected);
    }
    let none = ask(&segmenter, &Request { tokens_off: (0..TOKENS).collect(), ..Request::default() });
    assert_eq!(none.structures.len(), 2, "a decoder without prompts still answers");
    let asked = Request { tokens_off: vec![TOKENS], ..Request::default() };
    let refused = read_sync(segmenter.segment(&segmenter.encode(&frame()), &asked));
    assert_eq!(refused, Err(RequestError::NoSuchToken { asked: TOKENS, has: TOKENS }));
}

#[test]
fn a_look_inside_has_every_part_and_its_ablation_is_the_decoder_without_a_token() {
    let (_, segmenter) = model();
    let encoded = segmenter.encode(&frame());
    let found = read_sync(segmenter.explain(&encoded, &Request::default())).unwrap();
    assert_eq!(found.coverage, [1.0, 0.75]);
    let sides: Vec<_> = found.attention.iter().map(|map| (map.height, map.width)).collect();
    assert_eq!(sides, [(16, 16), (32, 32), (64, 64)]);
    for map in &found.attention {
        assert_eq!(map.weights.len(), 2 * TOKENS * map.height * map.width);
        for weights in map.weights.chunks(map.height * map.width) {
            assert!(weights.iter().all(|&weight| weight >= 0.0));
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
    let alone = ask(&segmenter, &Request::default());
    assert_eq!(found.predicted_boxes, [0, 1].map(|i| alone.structures[i].predicted_box.unwrap()));
    assert_eq!(found.interim_mask.len(), 2 * SIDE * SIDE);
    assert_eq!(found.features.iter().map(|map| map.height).collect::<Vec<_>>(), [16, 32, 64]);
    assert_eq!(found.ablation.len(), 2 * TOKENS);
    for effect in &found.ablation {
        let without = ask(&segmenter, &Request { tokens_off: vec![effect.token], ..Request::default() });
        let [with, without] = [&alone, &without].map(|found| &found.structures[effect.structure]);
        assert_close(effect.iou_change, without.iou - with.iou);
        assert_close(effect.object_score_change.unwrap(), without.object_score.unwrap() - with.object_score.unwrap());
        assert!((0.0..=1.0).contains(&effect.dice));
    }
    // In manual mode the learnt tokens have no part.
    let manual = prompted(Mode::Manual, StructurePrompts { strokes: strokes(), ..StructurePrompts::default() });
    let found = read_sync(segmenter.explain(&encoded, &manual)).unwrap();
    assert!(found.ablation.iter().all(|effect| (effect.dice, effect.iou_change) == (1.0, 0.0)));
}

#[test]
fn a_model_without_a_predictor_answers_in_manual_mode_alone() {
    let (_, with_predictor) = model();
    let config = Sam2RadConfig::new(with_predictor.card().architecture.clone(), SIZE, 2, TOKENS).unwrap();
    let config = config.with_parts(Parts { prompt_predictor: false, object_score: false });
    let card = card::card(&config, Dtype::F32);
    let segmenter = Segmenter::new(formula::network(&config, "segmenter:"), config, card, Device::flex());
    let encoded = segmenter.encode(&frame());
    assert_eq!(read_sync(segmenter.segment(&encoded, &Request::default())), Err(RequestError::ManualOnly));
    let manual = prompted(Mode::Manual, StructurePrompts { strokes: strokes(), ..StructurePrompts::default() });
    let found = read_sync(segmenter.segment(&encoded, &manual)).unwrap();
    let found = &found.structures[0];
    assert!(found.present && found.object_score.is_none() && found.predicted_box.is_none());
    let inside = read_sync(segmenter.explain(&encoded, &manual)).unwrap();
    assert!(inside.attention.is_empty() && inside.predicted_boxes.is_empty() && inside.ablation.is_empty());
    assert_eq!(inside.features.len(), 3);
}

/// Vertical stripes: alike at every height.
fn stripes(width: usize, height: usize) -> Frame {
    let grey: Vec<u8> = (0..width * height).map(|i| (i % width * 7919 % 251) as u8).collect();
    Frame::from_grey(width, height, &grey).unwrap()
}

#[test]
fn a_bare_sam_2_stretches_a_frame_as_its_own_predictor_does_and_sam2rad_pads_it() {
    let iou = |parts: Parts, frame: Frame, bounding_box: [f32; 4]| {
        let (_, whole) = model();
        let config = Sam2RadConfig::new(whole.card().architecture.clone(), SIZE, 2, TOKENS).unwrap().with_parts(parts);
        let card = card::card(&config, Dtype::F32);
        let segmenter = Segmenter::new(formula::network(&config, "segmenter:"), config, card, Device::flex());
        let prompts = StructurePrompts { bounding_box: Some(bounding_box), ..StructurePrompts::default() };
        let encoded = segmenter.encode(&frame);
        read_sync(segmenter.segment(&encoded, &prompted(Mode::Manual, prompts))).unwrap().structures[0].iou
    };
    let both = |parts| {
        [(40, [10.0, 8.0, 50.0, 30.0]), (80, [10.0, 16.0, 50.0, 60.0])]
            .map(|(height, corners)| iou(parts, stripes(80, height), corners))
    };
    let [wide, square] = both(Parts { prompt_predictor: false, object_score: true });
    assert_close(wide, square);
    let [wide, square] = both(Parts::default());
    assert!((wide - square).abs() > 1e-4, "{wide} {square}");
}

#[test]
fn manual_mode_does_not_ask_the_predictor() {
    let (_, segmenter) = model();
    let encoded = segmenter.encode(&frame());
    let stages = |request: &Request| {
        let found = read_sync(segmenter.segment(&encoded, request)).unwrap();
        found.timings.iter().map(|timing| timing.stage).collect::<Vec<_>>()
    };
    let manual = prompted(Mode::Manual, StructurePrompts { strokes: strokes(), ..StructurePrompts::default() });
    assert_eq!(stages(&manual), ["preprocess", "image_encoder", "mask_decoder", "postprocess"]);
    assert!(stages(&Request::default()).contains(&"prompt_predictor"));
    assert!(!stages(&manual).contains(&"prompt_predictor"), "nor speaks of an earlier answer");
}
