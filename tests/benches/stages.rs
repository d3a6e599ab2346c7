//! Each stage of a frame on all CPU cores: `cargo bench --bench stages`, or `cargo bench --bench stages -- nano` for the networks
//! of one name. The weights are random, which costs the same. Criterion's `Gelem/s` are GFLOP/s of a network's stages and Gpixel/s
//! of the frame's.

use burn::tensor::{Device, Tensor, TensorData};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use sam2rad::config::{Architecture, Sam2RadConfig};
use sam2rad::frame::Frame;
use sam2rad::postprocess::{StructureLogits, class_map};
use sam2rad::preprocess::{FrameTransform, Normalization, preprocess};
use std::hint::black_box;

/// As in the `sam2rad` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A network, and what its stages compute for one structure in linear layers, convolutions and attention, a product and a sum
/// being two.
struct Row {
    image_encoder: &'static str,
    mask_decoder: &'static str,
    prompt_predictor: &'static str,
    image_size: usize,
    /// Of the image encoder, the prompt predictor and the mask decoder.
    mflop: [u64; 3],
}

const fn sam2(image_encoder: &'static str, image_size: usize, mflop: [u64; 3]) -> Row {
    let (mask_decoder, prompt_predictor) = ("sam2_mask_decoder", "sam2_high_res_ppn");
    Row { image_encoder, mask_decoder, prompt_predictor, image_size, mflop }
}

const fn sam(image_encoder: &'static str, prompt_predictor: &'static str, image_size: usize, mflop: [u64; 3]) -> Row {
    Row { image_encoder, mask_decoder: "sam_mask_decoder", prompt_predictor, image_size, mflop }
}

const ROWS: [Row; 6] = [
    sam2("nano", 256, [1_140, 3_212, 324]),
    sam2("micro", 256, [1_002, 810, 75]),
    sam2("sam2_tiny_hiera", 512, [62_847, 12_492, 1_010]),
    sam2("sam2_tiny_hiera", 1024, [292_394, 49_520, 3_753]),
    sam("vit_tiny", "mobile_sam_high_res_ppn", 1024, [77_688, 6_370, 3_753]),
    sam("sam_vit_b", "sam_vitb_high_res_ppn", 512, [234_457, 2_139, 1_010]),
];

fn stages(criterion: &mut Criterion) {
    for row in ROWS {
        let mut group = criterion.benchmark_group(format!("{}_{}", row.image_encoder, row.image_size));
        group.sample_size(10);
        stages_of(&row, &mut group);
        group.finish();
    }
}

fn stages_of(row: &Row, group: &mut BenchmarkGroup<'_, WallTime>) {
    let size = row.image_size;
    let architecture = Architecture {
        image_encoder: row.image_encoder.into(),
        mask_decoder: row.mask_decoder.into(),
        prompt_predictor: row.prompt_predictor.into(),
        memory: None,
    };
    let config = Sam2RadConfig::new(architecture, size, 1, 10).unwrap();
    let device = Device::flex();
    let model = config.init(&device);
    let frame = Frame::from_rgb(640, 480, (0..640 * 480 * 3).map(|i| (i * 31 % 251) as u8).collect()).unwrap();
    let transform = FrameTransform::new(640, 480, size);
    let pixels = preprocess(&frame, &transform, &Normalization::default());
    let image = Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &device);
    let features = model.encode_image(image.clone());
    let prompts = model.predict_prompts(&features).expect("the networks of the table have a predictor");
    let decode = || model.decode_masks(&features, Some(prompts.sparse.clone()), prompts.dense.clone(), false);
    let logits: Vec<f32> = decode().low_res_masks.into_data().iter().collect();

    let [encoder, predictor, decoder] = row.mflop.map(|mflop| Throughput::Elements(mflop * 1_000_000));
    let pixels = Throughput::Elements(640 * 480);
    group.throughput(pixels.clone()).bench_function("preprocess", |b| {
        b.iter(|| preprocess(black_box(&frame), &transform, &Normalization::default()));
    });
    group.throughput(encoder).bench_function("image_encoder", |b| b.iter(|| model.encode_image(image.clone())));
    group.throughput(predictor).bench_function("prompt_predictor", |b| b.iter(|| model.predict_prompts(&features)));
    group.throughput(decoder).bench_function("mask_decoder", |b| b.iter(decode));
    group.throughput(pixels).bench_function("postprocess", |b| {
        b.iter(|| class_map(&[StructureLogits { class_id: 1, logits: &logits, present: true }], &transform));
    });
}

criterion_group!(benches, stages);
criterion_main!(benches);
