//! Writes what the browser tests load: the nano network with the golden formula's weights as a model file, `nano.safetensors`,
//! and the formula's picture, 256 x 256 grey bytes, `picture.grey`.
//!
//! `cargo run --release --example formula_model -- FOLDER`

#[allow(dead_code, reason = "the golden tests share it")]
mod file;
mod formula;
#[allow(dead_code, reason = "the golden tests share it")]
mod run;

use std::path::PathBuf;

use sam2rad::checkpoint::{Dtype, ModelCard, Structure, collect, write_model_file};

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("usage: formula_model FOLDER"));
    let files = file::read_folder(&file::golden_dir());
    let golden = files.iter().find(|golden| golden.config() == "nano_256").expect("the nano_256 vectors");
    let config = golden.network();
    let card = ModelCard {
        architecture: config.architecture.clone(),
        image_size: config.image_size,
        tokens: config.tokens,
        structures: vec![Structure { name: "arc".into(), color: [230, 159, 0] }],
        dtype: Dtype::F32,
        normalization: Default::default(),
        provenance: "weights made by the formula of the golden vectors".into(),
        licence: "Apache-2.0".into(),
        training_data: "none: these weights segment nothing, they test the program".into(),
        date: "2026-11-24".into(),
        sha256: String::new(),
    };
    std::fs::write(folder.join("picture.grey"), formula::picture(golden.salt(), golden.size()))
        .expect("it can be written");
    write_model_file(&folder.join("nano.safetensors"), &card, &collect(&run::network(golden)))
        .expect("it can be written");
}
