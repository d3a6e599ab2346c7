//! What a GPU makes of a model, beside this machine's CPU: parity, milliseconds, and what a frame asks of the device.
//!
//! `cargo run --release --features gpu --example gpu_check -- [MODEL.safetensors] [FRAMES]`

use burn::tensor::{Device, Tensor, TensorData, read_sync};
use sam2rad::checkpoint::{Checkpoint, LoadOptions, collect};
use sam2rad::frame::Frame;
use sam2rad::gpu::{Dense, Engine, Gpu, Question, Weights, adapters};
use sam2rad::preprocess::{FrameTransform, preprocess};
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const SIZE: [usize; 2] = [640, 480];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("weights/wrist.safetensors");
    let path = arguments.next().map_or(shipped, PathBuf::from);
    let frames: usize = arguments.next().map_or(Ok(20), |text| text.parse())?;
    for adapter in read_sync(adapters()) {
        println!("adapter     {adapter}");
    }

    let loaded = Checkpoint::open(&path)?.load(&LoadOptions::default(), &Device::flex())?;
    let (config, normalization) = (&loaded.config, loaded.card.normalization);
    let start = Instant::now();
    let gpu = read_sync(Gpu::open())?;
    println!("used        {}", gpu.adapter());
    let engine = Engine::new(gpu, config, normalization, &Weights::from(&collect(&loaded.model)))?;
    println!("prepared    in {} ms", start.elapsed().as_millis());

    let [width, height] = SIZE;
    let transform = FrameTransform::new(width, height, config.image_size);
    let question = Question {
        structures: (0..config.structures).collect(),
        tokens: (0..config.tokens).collect(),
        manual: Vec::new(),
        dense: Dense::Predicted,
        multimask_output: false,
        interim_masks: false,
    };
    let start = Instant::now();
    let first = arc(0);
    let bytes = engine.encode(&first, &transform);
    let answer = read_sync(engine.answer(&question))?;
    println!("first frame {} ms", start.elapsed().as_millis());
    let steps = engine.encoding_steps() + engine.answering_steps(&question)?;
    println!(
        "a frame is  {steps} kernels, 2 submissions, 1 readback, {bytes} bytes up; {} pipelines",
        engine.pipelines()
    );

    let start = Instant::now();
    let pixels = preprocess(&first, &transform, &normalization);
    let side = config.image_size;
    let image = Tensor::from_data(TensorData::new(pixels, [1, 3, side, side]), &Device::flex());
    let features = loaded.model.encode_image(image);
    let prompts = loaded.model.predict_prompts(&features).ok_or("the model has no prompt predictor")?;
    let decoded = loaded.model.decode_masks(&features, Some(prompts.sparse), prompts.dense, false);
    let masks: Vec<f32> = decoded.low_res_masks.into_data().iter().collect();
    println!("CPU         {} ms, its first frame", start.elapsed().as_millis());
    let spread = (masks.iter().map(|logit| logit * logit).sum::<f32>() / masks.len() as f32).sqrt();
    let largest = masks.iter().zip(&answer.masks).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("parity      mask logits differ by at most {:.1e} of their spread", largest / spread);

    let mut times: Vec<Duration> = Vec::new();
    for i in 0..frames {
        let frame = arc(i);
        let start = Instant::now();
        engine.encode(&frame, &transform);
        read_sync(engine.answer(&question))?;
        times.push(start.elapsed());
    }
    times.sort();
    println!("GPU         {:.1} ms a frame, the median of {frames}", times[frames / 2].as_secs_f64() * 1e3);
    Ok(())
}

/// A bright arc on a dark ground, a little lower in each frame.
fn arc(i: usize) -> Frame {
    let [width, height] = SIZE;
    let pixel = |at: usize| {
        let (x, y) = ((at % width) as f64 / width as f64 - 0.5, (at / width) as f64 / height as f64);
        let distance = y - (0.3 + 0.01 * (i % 20) as f64 + 0.3 * x * x);
        (40.0 + 200.0 * (-(distance / 0.02).powi(2)).exp()) as u8
    };
    let grey: Vec<u8> = (0..width * height).map(pixel).collect();
    Frame::from_grey(width, height, &grey).expect("it has as many bytes as pixels")
}
