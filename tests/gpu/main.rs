//! The GPU's engine against the reference and against the CPU, and what a frame asks of the device. Needs a GPU or a
//! software Vulkan (Debian's mesa-vulkan-drivers).

#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/file.rs"]
mod file;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/formula.rs"]
mod formula;

use burn::tensor::{Device, Tensor, TensorData, read_sync};
use sam2rad::brush::Stroke;
use sam2rad::checkpoint::{Checkpoint, LoadOptions, Loaded, collect};
use sam2rad::config::{Architecture, Sam2RadConfig};
use sam2rad::frame::Frame;
use sam2rad::gpu::{Answer, Dense, Engine, Gpu, GpuError, Question, Weights};
use sam2rad::model::{PointLabel, Sam2Rad};
use sam2rad::preprocess::{FrameTransform, Normalization, preprocess};
use sam2rad::segmenter::{FramePoint, Mode, Request, Segmentation, Segmenter, StructurePrompts, StructureResult};
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
        interim_masks: false,
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
                    interim_masks: false,
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

/// The models that ship: a Hiera and a convolutional image encoder.
const SHIPPED: [&str; 2] = ["wrist", "hip"];

/// A model that ships, on the CPU.
fn shipped(name: &str) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("weights/{name}.safetensors"));
    Checkpoint::open(&path).unwrap().load(&LoadOptions::default(), &Device::flex()).unwrap()
}

/// A picture with an arc, in grey or in colour.
fn picture(width: usize, height: usize, colored: bool) -> Frame {
    let arc = formula::picture("", width.max(height));
    let pixel = |i: usize| {
        let grey = arc[i / width * width.max(height) + i % width];
        if colored { [grey, grey / 2, 255 - grey] } else { [grey; 3] }
    };
    Frame::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

#[test]
fn the_models_that_ship_answer_as_on_the_cpu_for_a_frame_of_any_shape() {
    for name in SHIPPED {
        let Loaded { model, config, .. } = shipped(name);
        let engine = engine(&config, &model);
        for (width, height, colored) in [(640, 480, false), (151, 203, true)] {
            let frame = picture(width, height, colored);
            let transform = FrameTransform::new(width, height, 256);
            engine.encode(&frame, &transform);
            let answer = read_sync(engine.answer(&autonomous(&config))).unwrap();

            let pixels = preprocess(&frame, &transform, &Normalization::default());
            let image = Tensor::from_data(TensorData::new(pixels, [1, 3, 256, 256]), &Device::flex());
            let features = model.encode_image(image);
            let prompts = model.predict_prompts(&features).expect("it has a prompt predictor");
            let decoded = model.decode_masks(&features, Some(prompts.sparse), prompts.dense, false);
            let masks: Vec<f32> = decoded.low_res_masks.into_data().iter().collect();
            let mean_square = masks.iter().map(|logit| logit * logit).sum::<f32>() / masks.len() as f32;
            let largest = masks.iter().zip(&answer.masks).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{name}, {width}x{height}: logits differ by {:.1e} of their spread", largest / mean_square.sqrt());
            assert!(largest <= 1e-3 * mean_square.sqrt(), "{name}, {width}x{height}: logits differ by {largest}");
            let boxes: Vec<f32> = prompts.boxes.into_data().iter().collect();
            assert!(boxes.iter().zip(answer.boxes.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }
}

#[test]
fn a_frame_is_a_tenth_of_the_generic_kernels_and_little_goes_up() {
    for name in SHIPPED {
        let Loaded { model, config, .. } = shipped(name);
        let engine = engine(&config, &model);
        let question = autonomous(&config);
        let frame = engine.encoding_steps() + engine.answering_steps(&question).unwrap();
        println!("{name}: {frame} kernels for a frame");
        assert!(frame <= 130, "{frame} kernels for a frame");
        let manual = engine.embed_prompts(&[([100.0, 120.0], true)], None);
        let prompt = Question { structures: vec![0], manual, ..question };
        let steps = engine.answering_steps(&prompt).unwrap();
        assert!(steps <= 40, "{steps} kernels for a prompt");
        let bytes = engine.encode(&picture(640, 480, false), &FrameTransform::new(640, 480, 256));
        assert!(bytes <= 300_000, "{bytes} bytes for a frame of 640 x 480 pixels");
        assert!(engine.pipelines() <= 45, "{} pipelines", engine.pipelines());
    }
}

/// A segmenter on the CPU and the same on the GPU.
fn segmenters(name: &str) -> [Segmenter; 2] {
    let on_cpu = || {
        let Loaded { model, config, card, .. } = shipped(name);
        Segmenter::new(model, config, card, Device::flex())
    };
    let gpu = read_sync(Gpu::open()).expect("these tests need a GPU or Debian's mesa-vulkan-drivers");
    [on_cpu(), on_cpu().on_gpu(gpu).unwrap()]
}

/// The same structures with the same figures, and masks that differ in single pixels at most.
fn assert_alike(what: &str, on_cpu: &Segmentation, on_gpu: &Segmentation) {
    assert_eq!(on_cpu.structures.len(), on_gpu.structures.len(), "{what}");
    for (a, b) in on_cpu.structures.iter().zip(&on_gpu.structures) {
        assert_eq!((a.structure, a.present), (b.structure, b.present), "{what}");
        assert!((a.iou - b.iou).abs() < 1e-3, "{what}: predicted IoU {} and {}", a.iou, b.iou);
        let dice = |of: &StructureResult| of.expected_dice.unwrap_or(0.0);
        assert!((dice(a) - dice(b)).abs() < 1e-2, "{what}: expected Dice {} and {}", dice(a), dice(b));
        let corners = [a, b].map(|of| of.predicted_box.unwrap_or_default());
        assert!(corners[0].iter().zip(corners[1]).all(|(a, b)| (a - b).abs() < 0.1), "{what}: {corners:?}");
    }
    let pixels = on_cpu.map.class_ids.iter().zip(&on_gpu.map.class_ids);
    let differ = pixels.filter(|(a, b)| a != b).count();
    assert!(differ <= on_cpu.map.class_ids.len() / 2000, "{what}: {differ} pixels differ");
}

#[test]
fn a_segmenter_on_the_gpu_answers_every_kind_of_request_as_the_one_on_the_cpu() {
    let (width, height) = (320, 240);
    let point = |x, y, label| FramePoint { x, y, label };
    let (inside, outside) = (PointLabel::Inside, PointLabel::Outside);
    let stroke = Stroke { path: vec![[100.0, 120.0], [180.0, 140.0]], radius: 12.0, inside: true };
    let prompts = [
        (
            "two clicks",
            StructurePrompts {
                points: vec![point(160.0, 110.0, inside), point(40.0, 200.0, outside)],
                ..StructurePrompts::default()
            },
        ),
        ("a box", StructurePrompts { bounding_box: Some([60.0, 60.0, 260.0, 180.0]), ..StructurePrompts::default() }),
        ("a stroke", StructurePrompts { strokes: vec![stroke], ..StructurePrompts::default() }),
    ];
    for name in SHIPPED {
        let segmenters = segmenters(name);
        let frames = [picture(width, height, false), picture(width, height, true)];
        let [on_cpu, on_gpu] = segmenters.each_ref().map(|of| frames.each_ref().map(|frame| of.encode(frame)));
        let ask = |what: &str, i: usize, request: &Request| {
            let on_cpu = segmenters[0].segment_blocking(&on_cpu[i], request).unwrap();
            let on_gpu = segmenters[1].segment_blocking(&on_gpu[i], request).unwrap();
            assert_alike(&format!("{name}, frame {i}, {what}"), &on_cpu, &on_gpu);
        };
        // The GPU has the features of one frame, and looks at the other again.
        for i in [0, 1, 0] {
            ask("autonomous", i, &Request::default());
        }
        ask("a token off", 0, &Request { tokens_off: vec![3], ..Request::default() });
        ask("multi-mask", 0, &Request { multimask_output: true, ..Request::default() });
        for (what, prompts) in &prompts {
            for mode in [Mode::SemiAutonomous, Mode::Manual] {
                let prompts = vec![prompts.clone()];
                ask(&format!("{mode:?}, {what}"), 0, &Request { mode, prompts, ..Request::default() });
            }
        }
    }
}

#[test]
fn a_look_inside_is_the_same_from_a_gpus_features() {
    let [on_cpu, on_gpu] = segmenters("hip").map(|segmenter| {
        let frame = segmenter.encode(&picture(200, 150, false));
        read_sync(segmenter.explain(&frame, &Request::default())).unwrap()
    });
    assert_eq!(on_cpu.ablation.len(), on_gpu.ablation.len());
    for (a, b) in on_cpu.ablation.iter().zip(&on_gpu.ablation) {
        assert!((a.dice - b.dice).abs() < 0.02 && (a.iou_change - b.iou_change).abs() < 1e-3, "{a:?} and {b:?}");
    }
    let weights = on_cpu.attention[0].weights.iter().zip(&on_gpu.attention[0].weights);
    assert!(weights.into_iter().all(|(a, b)| (a - b).abs() < 1e-3));
    let logits = on_cpu.interim_mask.iter().zip(&on_gpu.interim_mask);
    assert!(logits.into_iter().all(|(a, b)| (a - b).abs() < 0.05));
}

#[test]
fn a_network_without_kernels_is_refused_by_name() {
    let architecture = Architecture {
        image_encoder: "vit_tiny".into(),
        mask_decoder: "sam_mask_decoder".into(),
        prompt_predictor: "mobile_sam_high_res_ppn".into(),
        memory: None,
    };
    let config = Sam2RadConfig::new(architecture, 256, 1, 10).unwrap();
    let error = Engine::covers(&config).unwrap_err();
    assert!(matches!(&error, GpuError::NotCovered(what) if what.contains("vit_tiny")), "{error}");
}
