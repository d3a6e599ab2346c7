//! Each stage of a frame on all CPU cores: `cargo bench --bench stages`. The weights are random, which costs the same.
//!
//! For GFLOP/s divide the whole network's work (nano at 256: 4.6 GFLOP, sam2_tiny at 512: 76) by the sum of the stages.

use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use sam2rad::config::{Architecture, Sam2RadConfig};
use sam2rad::frame::Frame;
use sam2rad::postprocess::{StructureLogits, class_map};
use sam2rad::preprocess::{FrameTransform, Normalization, preprocess};
use std::hint::black_box;

fn stages(criterion: &mut Criterion) {
    for (encoder, size) in [("nano", 256), ("sam2_tiny_hiera", 512)] {
        let architecture = Architecture {
            image_encoder: encoder.into(),
            mask_decoder: "sam2_mask_decoder".into(),
            prompt_predictor: "sam2_high_res_ppn".into(),
        };
        let config = Sam2RadConfig::new(architecture, size, 1, 10).unwrap();
        let device = Device::flex();
        let model = config.init(&device);
        let frame = Frame::from_rgb(640, 480, (0..640 * 480 * 3).map(|i| (i * 31 % 251) as u8).collect()).unwrap();
        let transform = FrameTransform::new(640, 480, size);
        let pixels = preprocess(&frame, &transform, &Normalization::default());
        let image = Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &device);
        let features = model.encode_image(image.clone());
        let prompts = model.predict_prompts(&features);
        let decode = || model.decode_masks(&features, Some(prompts.sparse.clone()), prompts.dense.clone(), false);
        let logits: Vec<f32> = decode().low_res_masks.into_data().iter().collect();

        let mut group = criterion.benchmark_group(format!("{encoder}_{size}"));
        group.sample_size(20);
        group.bench_function("preprocess", |b| {
            b.iter(|| preprocess(black_box(&frame), &transform, &Normalization::default()))
        });
        group.bench_function("image_encoder", |b| b.iter(|| model.encode_image(image.clone())));
        group.bench_function("prompt_predictor", |b| b.iter(|| model.predict_prompts(&features)));
        group.bench_function("mask_decoder", |b| b.iter(decode));
        group.bench_function("postprocess", |b| {
            b.iter(|| class_map(&[StructureLogits { class_id: 1, logits: &logits, object_score: 1.0 }], &transform))
        });
        group.finish();
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
