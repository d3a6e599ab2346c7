//! The GPU's engine against the reference and against the CPU, and what a frame asks of the device. Needs a GPU or a
//! software Vulkan (Debian's mesa-vulkan-drivers).

#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/file.rs"]
mod file;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/formula.rs"]
mod formula;

use burn::tensor::{Device, read_sync};
use sam2rad::checkpoint::{Checkpoint, LoadOptions, collect};
use sam2rad::config::Sam2RadConfig;
use sam2rad::frame::Frame;
use sam2rad::gpu::{Answer, Dense, Engine, Gpu, Question, Weights};
use sam2rad::model::Sam2Rad;
use sam2rad::preprocess::{FrameTransform, Normalization, preprocess};
use std::collections::HashMap;
use std::path::Path;

/// Tensors behind chaotic chains that may be over their bar, of all: as in `golden`.
const UNLUCKY: f64 = 0.02;

fn engine(config: &Sam2RadConfig, model: &Sam2Rad) -> Engine {
    let gpu = read_sync(Gpu::open()).expect("these tests need a GPU or Debian's mesa-vulkan-drivers");
    Engine::new(gpu, config, Normalization::default(), &Weights::from(&collect(model))).unwrap()
}

/// All structures with all their learnt prompts.
fn autonomous(config: &Sam2RadConfig) -> Question {
    Question {
        structures: (0..config.structures).collect(),
        tokens: (0..config.tokens).collect(),
        manual: Vec::new(),
        dense: Dense::Predicted,
        multimask_output: false,
    }
}

/// `[batch, h w, channels]` -> `[batch, channels, h w]`, `times` over.
fn channels_first(values: &[f32], channels: usize, times: usize) -> Vec<f32> {
    let pixels = values.len() / channels;
    let plane = |channel: usize| values.iter().skip(channel).step_by(channels).copied();
    let map: Vec<f32> = (0..channels).flat_map(plane).collect();
    assert_eq!(map.len(), pixels * channels);
    map.repeat(times)
}

type Case = (&'static str, Vec<([f32; 2], bool)>, Option<[f32; 4]>, Option<Vec<f32>>);

/// The prompts of the golden's manual cases.
fn manual_cases(size: usize, masks: &[f32]) -> Vec<Case> {
    let size = size as f32;
    let (inside, outside) = (([0.5 * size, 0.45 * size], true), ([0.2 * size, 0.8 * size], false));
    let bounds = Some([0.2 * size, 0.35 * size, 0.8 * size, 0.6 * size]);
    let mask = masks.iter().map(|logit| logit + 8.0).collect();
    vec![
        ("point1", vec![inside], None, None),
        ("points2", vec![inside, outside], None, None),
        ("box", vec![], bounds, None),
        ("point_box", vec![inside], bounds, None),
        ("mask", vec![], None, Some(mask)),
    ]
}

fn found(golden: &file::Golden) -> HashMap<String, Vec<f32>> {
    let (config, size) = (golden.network(), golden.size());
    let engine = engine(&config, &formula::network(&config, golden.salt()));
    let picture = formula::picture(golden.salt(), size);
    engine.encode(&Frame::from_grey(size, size, &picture).unwrap(), &FrameTransform::new(size, size, size));
    let dim = config.image_encoder.prompt_embed_dim;
    let mut found = HashMap::new();
    for (name, values) in read_sync(engine.tensors()).unwrap() {
        let values = match name {
            "image_embedding" => channels_first(&values, dim, config.structures),
            "high_res.0" => channels_first(&values, dim / 8, config.structures),
            "high_res.1" => channels_first(&values, dim / 4, config.structures),
            _ => values,
        };
        found.insert(name.to_owned(), values);
    }
    let question = autonomous(&config);
    let Answer { masks, iou, object_score, .. } = read_sync(engine.answer(&question)).unwrap();
    for (case, points, bounds, mask) in manual_cases(size, &masks[..(size / 4).pow(2)]) {
        let manual = engine.embed_prompts(&points, bounds);
        if !manual.is_empty() {
            found.insert(format!("manual.{case}.sparse"), manual.clone());
        }
        let own = mask.map_or(Dense::Nothing, Dense::Mask);
        for (mode, tokens, dense) in [("manual", vec![], own), ("semi", question.tokens.clone(), Dense::Predicted)] {
            for (kind, multimask_output) in [("single", false), ("multi", true)] {
                let question = Question {
                    structures: vec![0],
                    tokens: tokens.clone(),
                    manual: manual.clone(),
                    dense: dense.clone(),
                    multimask_output,
                };
                let answer = read_sync(engine.answer(&question)).unwrap();
                found.insert(format!("manual.{case}.{mode}.{kind}.low_res_masks"), answer.masks);
                found.insert(format!("manual.{case}.{mode}.{kind}.iou"), answer.iou);
            }
        }
    }
    found.insert("decoder.low_res_masks".into(), masks);
    found.insert("decoder.iou".into(), iou);
    found.insert("decoder.object_score_logits".into(), object_score);
    assert!(engine.pipelines() <= 45, "{} pipelines", engine.pipelines());
    found
}

#[test]
fn the_nano_networks_are_within_a_small_multiple_of_pytorchs_own_noise() {
    let files = file::read_folder(&file::golden_dir());
    let small: Vec<_> = files.iter().filter(|golden| golden.config().starts_with("nano_256")).collect();
    assert!(!small.is_empty(), "no golden files in {}", file::golden_dir().display());
    let (mut count, mut over) = (0, Vec::new());
    println!("{:20} {}", "config", file::Comparison::HEADER);
    for golden in small {
        let found = found(golden);
        for expected in golden.tensors().filter(|expected| found.contains_key(expected.name())) {
            let comparison = expected.compare(&found);
            println!("{:20} {comparison}", golden.config());
            count += 1;
            if comparison.of_bar() > 1.0 {
                over.push(comparison);
            }
        }
    }
    assert!(count >= 30, "{count} tensors were compared");
    assert!(over.iter().all(|c| !c.is_well_conditioned()), "well-conditioned tensors over their bar");
    assert!(over.len() as f64 <= UNLUCKY * f64::from(count), "{} of {count} tensors over their bar", over.len());
}

/// The wrist model that ships, its network and engine.
fn wrist() -> (Sam2RadConfig, Sam2Rad, Engine) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/wrist.safetensors");
    let loaded = Checkpoint::open(&path).unwrap().load(&LoadOptions::default(), &Device::flex()).unwrap();
    let engine = engine(&loaded.config, &loaded.model);
    (loaded.config, loaded.model, engine)
}

/// A picture with an arc, wider than high, in grey or in colour.
fn picture(width: usize, height: usize, colored: bool) -> Frame {
    let arc = formula::picture("", width.max(height));
    let pixel = |i: usize| {
        let grey = arc[i / width * width.max(height) + i % width];
        if colored { [grey, grey / 2, 255 - grey] } else { [grey; 3] }
    };
    Frame::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

#[test]
fn the_wrist_model_answers_as_on_the_cpu_for_a_frame_of_any_shape() {
    let (config, model, engine) = wrist();
    for (width, height, colored) in [(640, 480, false), (150, 200, true)] {
        let frame = picture(width, height, colored);
        let transform = FrameTransform::new(width, height, 256);
        engine.encode(&frame, &transform);
        let answer = read_sync(engine.answer(&autonomous(&config))).unwrap();

        let pixels = preprocess(&frame, &transform, &Normalization::default());
        let image =
            burn::tensor::Tensor::from_data(burn::tensor::TensorData::new(pixels, [1, 3, 256, 256]), &Device::flex());
        let features = model.encode_image(image);
        let prompts = model.predict_prompts(&features).expect("the wrist model has a prompt predictor");
        let decoded = model.decode_masks(&features, Some(prompts.sparse), prompts.dense, false);
        let masks: Vec<f32> = decoded.low_res_masks.into_data().iter().collect();
        let mean_square = masks.iter().map(|logit| logit * logit).sum::<f32>() / masks.len() as f32;
        let largest = masks.iter().zip(&answer.masks).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest <= 1e-3 * mean_square.sqrt(), "{width}x{height}: logits differ by {largest}");
        let boxes: Vec<f32> = prompts.boxes.into_data().iter().collect();
        assert!(boxes.iter().zip(answer.boxes.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-4));
    }
}

#[test]
fn a_frame_is_a_tenth_of_the_generic_kernels_and_little_goes_up() {
    let (config, _, engine) = wrist();
    let question = autonomous(&config);
    let frame = engine.encoding_steps() + engine.answering_steps(&question).unwrap();
    println!("{frame} kernels for a frame");
    assert!(frame <= 120, "{frame} kernels for a frame");
    let manual = engine.embed_prompts(&[([100.0, 120.0], true)], None);
    let prompt = Question { structures: vec![0], manual, ..question };
    let steps = engine.answering_steps(&prompt).unwrap();
    assert!(steps <= 40, "{steps} kernels for a prompt");
    let bytes = engine.encode(&picture(640, 480, false), &FrameTransform::new(640, 480, 256));
    assert!(bytes <= 300_000, "{bytes} bytes for a frame of 640 x 480 pixels");
    assert!(engine.pipelines() <= 45, "{} pipelines", engine.pipelines());
}
