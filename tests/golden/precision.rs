//! What smaller weights cost: mask logits and Dice of the nano network in each number type against the network itself. The
//! formula's weights are chaotic, so this is far more than trained weights lose; it bounds mistakes, not quality.

use burn::tensor::{Device, read_sync};
use sam2rad::checkpoint::{Dtype, LoadOptions, ModelFile, collect, load, write_model_file};
use sam2rad::frame::Frame;
use sam2rad::segmenter::Segmenter;

use crate::{card::card, file, formula, run};

/// Mask logits of the formula's picture, with the weights through a file of this type.
fn mask_logits(dtype: Dtype) -> Vec<f32> {
    let files = file::read_folder(&file::golden_dir());
    let golden = files.iter().find(|golden| golden.config() == "nano_256").expect("the nano_256 vectors");
    let config = golden.network();
    let card = card(&config, dtype);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nano.safetensors");
    write_model_file(&path, &card, &collect(&run::network(golden))).unwrap();
    let options = LoadOptions { image_size: Some(config.image_size), ..LoadOptions::default() };
    let loaded = load(&mut ModelFile::open(&path).unwrap(), &options, &Device::flex()).unwrap();
    let segmenter = Segmenter::new(loaded.model, loaded.config, card, Device::flex());
    let picture = formula::picture(golden.salt(), golden.size());
    let frame = segmenter.encode(&Frame::from_grey(golden.size(), golden.size(), &picture).unwrap());
    let tensors = read_sync(segmenter.inspect(&frame)).unwrap();
    tensors.into_iter().find(|(name, _)| name == "decoder.low_res_masks").unwrap().1
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
