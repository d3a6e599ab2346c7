//! What smaller weights cost: mask logits and Dice of the nano network in each number type against the network itself. The
//! formula's weights are chaotic, so this is far more than trained weights lose; it bounds mistakes, not quality.

use sam2rad::checkpoint::{Dtype, collect, write_model_file};
use sam2rad::config::{Architecture, Sam2RadConfig};
use sam2rad::segmenter::Segmenter;

use crate::{card::card, formula, run};

const SIZE: usize = 256;

/// Mask logits of the formula's picture, with the weights through a file of this type.
fn mask_logits(dtype: Dtype) -> Vec<f32> {
    let architecture = Architecture {
        image_encoder: "nano".into(),
        mask_decoder: "sam2_mask_decoder".into(),
        prompt_predictor: "sam2_high_res_ppn".into(),
        memory: None,
    };
    let config = Sam2RadConfig::new(architecture, SIZE, 1, 10).unwrap();
    let card = card(&config, dtype);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nano.safetensors");
    write_model_file(&path, &card, &mut collect(&formula::network(&config, ""))).unwrap();
    let segmenter = Segmenter::open(&path).unwrap();
    let model = segmenter.model();
    let features = model.encode_image(run::normalised(&formula::picture("", SIZE), SIZE));
    let prompts = model.predict_prompts(&features).unwrap();
    run::values(model.decode_masks(&features, Some(prompts.sparse), prompts.dense, false).low_res_masks)
}

/// Twice the common pixels over all pixels of both masks.
fn dice(a: &[f32], b: &[f32]) -> f64 {
    let count = |mask: &[f32]| mask.iter().filter(|&&logit| logit > 0.0).count();
    let both = a.iter().zip(b).filter(|(a, b)| **a > 0.0 && **b > 0.0).count();
    2.0 * both as f64 / (count(a) + count(b)) as f64
}

#[test]
fn smaller_weights_keep_the_mask_even_of_a_chaotic_network() {
    let exact = mask_logits(Dtype::F32);
    let spread = (exact.iter().map(|logit| f64::from(*logit).powi(2)).sum::<f64>() / exact.len() as f64).sqrt();
    for (dtype, least) in [(Dtype::F32, 1.0), (Dtype::F16, 0.9), (Dtype::Q8, 0.85)] {
        let found = mask_logits(dtype);
        let squares = exact.iter().zip(&found).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        let (rms, dice) = ((squares / exact.len() as f64).sqrt() / spread, dice(&exact, &found));
        println!("{dtype:?}: mask logits off by {rms:.2e} of their spread (rms), Dice {dice:.4}");
        assert!(dice >= least, "{dtype:?}: Dice {dice}");
    }
}
