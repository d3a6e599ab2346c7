//! Writes what the browser tests load: the nano network with the golden formula's weights as a model file, `nano.safetensors`,
//! and the formula's picture, 256 x 256 grey bytes, `picture.grey`.
//!
//! `cargo run --release --example formula_model -- FOLDER`

#[path = "../support/card.rs"]
mod card;
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
    let structures = vec![Structure { name: "arc".into(), color: [230, 159, 0] }];
    let card = ModelCard { structures, ..card::card(&config, Dtype::F32) };
    std::fs::write(folder.join("picture.grey"), formula::picture(golden.salt(), golden.size()))
        .expect("it can be written");
    write_model_file(&folder.join("nano.safetensors"), &card, &collect(&run::network(golden)))
        .expect("it can be written");
}
