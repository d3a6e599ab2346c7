//! Everything a golden file has a tensor for, computed by our network with the formula's weights.

use burn::tensor::{Device, Tensor, TensorData};
use sam2rad::checkpoint::{Checkpoint, LoadOptions};
use sam2rad::model::{ManualPrompts, Point, PointLabel, Sam2Rad};
use sam2rad::nn::{Interpolation, resize};
use std::collections::HashMap;

use crate::{file::Golden, formula};

/// The network of the golden file with the formula's weights. One of its authors' comes through the door that their files take.
pub fn network(golden: &Golden) -> Sam2Rad {
    let config = golden.network();
    if !golden.is_official() {
        return formula::network(&config, golden.salt());
    }
    let checkpoint = Checkpoint::new(Box::new(formula::official(&config, golden.salt())));
    let options = LoadOptions::at(golden.size());
    let loaded = checkpoint.load(&options, &Device::flex()).unwrap();
    assert_eq!(loaded.config.parts, config.parts);
    loaded.model
}

/// The formula's picture, normalised.
fn image(golden: &Golden) -> Tensor<4> {
    normalised(&formula::picture(golden.salt(), golden.size()), golden.size())
}

/// A grey picture `[size, size]` as the network's input.
pub fn normalised(picture: &[u8], size: usize) -> Tensor<4> {
    const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
    const STD: [f64; 3] = [0.229, 0.224, 0.225];
    let channel = |c: usize| picture.iter().map(move |&grey| ((f64::from(grey) / 255.0 - MEAN[c]) / STD[c]) as f32);
    let pixels: Vec<f32> = (0..3).flat_map(channel).collect();
    Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &Device::flex())
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// The values of a channels-last map in the reference's order.
pub fn channels_first(map: Tensor<4>) -> Vec<f32> {
    values(map.permute([0, 3, 1, 2]))
}

/// The prompts of the golden's manual cases; the one with a mask needs the network's own.
fn manual_cases(size: usize, low_res_masks: Option<Tensor<4>>) -> Vec<(&'static str, ManualPrompts)> {
    let size = size as f32;
    let inside = Point { x: 0.5 * size, y: 0.45 * size, label: PointLabel::Inside };
    let outside = Point { x: 0.2 * size, y: 0.8 * size, label: PointLabel::Outside };
    let bounding_box = Some([0.2 * size, 0.35 * size, 0.8 * size, 0.6 * size]);
    let nothing = ManualPrompts::default;
    let mut cases = vec![
        ("point1", ManualPrompts { points: vec![inside], ..nothing() }),
        ("points2", ManualPrompts { points: vec![inside, outside], ..nothing() }),
        ("box", ManualPrompts { bounding_box, ..nothing() }),
        ("point_box", ManualPrompts { points: vec![inside], bounding_box, ..nothing() }),
    ];
    cases.extend(low_res_masks.map(|masks| ("mask", ManualPrompts { mask: Some(masks + 8.0), ..nothing() })));
    cases
}

/// Runs the network in all its modes -> values by the golden's names.
pub fn run(golden: &Golden) -> HashMap<String, Vec<f32>> {
    let model = network(golden);
    let structures = golden.network().structures;
    let mut found = HashMap::new();

    let mut blocks = Vec::new();
    let features = model.encode_image_with_blocks(image(golden), &mut |block| blocks.push(values(block)));
    let mut blocks = blocks.into_iter();
    found.extend(blocks.next().map(|block| ("encoder.patch_embed".to_owned(), block)));
    found.extend(blocks.enumerate().map(|(i, block)| (format!("encoder.block.{i}"), block)));
    // The reference repeats a frame's features for each structure.
    let repeated = |map: &Tensor<4>| channels_first(map.clone().repeat(&[structures, 1, 1, 1]));
    found.insert("image_embedding".into(), repeated(&features.image_embedding));
    for (i, map) in features.high_res_features.iter().enumerate() {
        found.insert(format!("high_res.{i}"), repeated(map));
    }

    let mut steps = Vec::new();
    let prompts = model.predict_prompts_with_steps(&features, &mut |step| steps.push(step));
    for (i, step) in steps.into_iter().enumerate() {
        found.insert(format!("ppn.layer.{i}.queries"), values(step.queries));
        found.insert(format!("ppn.layer.{i}.keys"), values(step.keys));
    }
    let mut mask = None;
    if let Some(prompts) = &prompts {
        found.insert("ppn.pred_boxes".into(), values(prompts.boxes.clone()));
        found.insert("ppn.interim_mask".into(), values(prompts.interim_mask.clone()));
        found.insert("ppn.sparse".into(), values(prompts.sparse.clone()));
        found.insert("ppn.dense".into(), channels_first(prompts.dense.clone()));

        let decoded = model.decode_masks(&features, Some(prompts.sparse.clone()), prompts.dense.clone(), false);
        let masks = decoded.low_res_masks.permute([0, 2, 3, 1]);
        found.insert("decoder.low_res_masks".into(), values(masks.clone()));
        found.insert("decoder.iou".into(), values(decoded.iou));
        let scores = decoded.object_score_logits.expect("a network with a predictor says it");
        found.insert("decoder.object_score_logits".into(), values(scores));
        let full = resize(masks.clone(), [golden.size(); 2], Interpolation::Bilinear);
        found.insert("output.mask_logits".into(), channels_first(full));
        mask = Some(masks.narrow(0, 0, 1));
    }

    for (case, manual) in manual_cases(golden.size(), mask) {
        let embedded = model.encode_prompts(&manual);
        found.extend(embedded.sparse.clone().map(|sparse| (format!("manual.{case}.sparse"), values(sparse))));
        let semi = prompts.as_ref().map(|prompts| {
            let first = prompts.sparse.clone().narrow(0, 0, 1);
            let both = Tensor::cat(std::iter::once(first).chain(embedded.sparse.clone()).collect(), 1);
            ("semi", Some(both), prompts.dense.clone().narrow(0, 0, 1))
        });
        let alone = ("manual", embedded.sparse.clone(), embedded.dense.clone());
        for (mode, sparse, dense) in std::iter::once(alone).chain(semi) {
            for (kind, multimask_output) in [("single", false), ("multi", true)] {
                let decoded = model.decode_masks(&features, sparse.clone(), dense.clone(), multimask_output);
                found.insert(format!("manual.{case}.{mode}.{kind}.low_res_masks"), values(decoded.low_res_masks));
                found.insert(format!("manual.{case}.{mode}.{kind}.iou"), values(decoded.iou));
            }
        }
    }
    found
}
