//! Writes what the browser tests load: the nano network with the golden formula's weights as a model file, `nano.safetensors`, and
//! as SAM 2's authors would publish it, without a predictor, `official.pt`, and as a trainer with prompts for two datasets would,
//! `trainer.pt`; MobileSAM as its authors publish it, `mobile_sam.pt`; the formula's picture, 256 x 256 grey bytes, `picture.grey`; and of a golden video the network with its memory,
//! `video.safetensors`, and the picture that its frames are cut from, 320 x 320 grey bytes, `video.grey`.
//!
//! `cargo run --release --example formula_model -- FOLDER`

#[path = "../support/card.rs"]
mod card;
#[allow(dead_code, reason = "the golden tests share it")]
mod file;
mod formula;
#[allow(dead_code, reason = "the golden tests share it")]
mod run;
#[allow(dead_code, reason = "the checkpoint tests share it")]
#[path = "../support/torch_file.rs"]
mod torch_file;
#[allow(dead_code, reason = "the golden tests share it")]
mod video;

use std::path::{Path, PathBuf};

use sam2rad::checkpoint::{Dtype, MemorySource, ModelCard, TensorSource, collect, write_model_file};
use sam2rad::config::{Architecture, Parts, Sam2RadConfig};
use sam2rad::structure::Structure;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("usage: formula_model FOLDER"));
    let files = file::read_folder(&file::golden_dir());
    let golden = files.iter().find(|golden| golden.config() == "nano_256").expect("the nano_256 vectors");
    let config = golden.network();
    let card = described(&config);
    std::fs::write(folder.join("picture.grey"), formula::picture(golden.salt(), golden.size()))
        .expect("it can be written");
    write_model_file(&folder.join("nano.safetensors"), &card, &mut collect(&run::network(golden)))
        .expect("it can be written");
    let network = collect(&run::network(golden));
    let mut trainer = MemorySource::default();
    for (name, shape) in network.shapes() {
        let names = match name.as_str() {
            "learnable_prompts" => vec!["learnable_prompts.hip".to_owned(), "learnable_prompts.wrist".to_owned()],
            name => vec![name.to_owned()],
        };
        let values = network.get(name).unwrap_or_default();
        names.into_iter().for_each(|name| trainer.insert(name, shape.clone(), values.to_vec()));
    }
    write_pt(&folder.join("trainer.pt"), &trainer);
    let bare = config.with_parts(Parts { prompt_predictor: false, object_score: true });
    write_pt(&folder.join("official.pt"), &formula::official(&bare, golden.salt()));

    let mobile_sam = Architecture {
        image_encoder: "vit_tiny".into(),
        mask_decoder: "sam_mask_decoder".into(),
        prompt_predictor: "linear".into(),
        memory: None,
    };
    let config = Sam2RadConfig::new(mobile_sam, 1024, 1, 10).expect("the network is known");
    let bare = config.with_parts(Parts { prompt_predictor: false, object_score: false });
    write_pt(&folder.join("mobile_sam.pt"), &formula::official(&bare, golden.salt()));

    let videos = video::read_folder(&file::golden_dir());
    let video = videos.iter().find(|video| video.config() == "video_nano_256_sam21_both_ways").expect("its vectors");
    let config = video.network();
    write_model_file(&folder.join("video.safetensors"), &described(&config), &mut collect(&video.model(&config)))
        .expect("it can be written");
    std::fs::write(folder.join("video.grey"), video.picture()).expect("it can be written");
}

/// The card of a network with one structure.
fn described(config: &Sam2RadConfig) -> ModelCard {
    let structures = vec![Structure { name: "arc".into(), color: [230, 159, 0] }];
    ModelCard { structures, ..card::card(config, Dtype::F32) }
}

fn write_pt(path: &Path, tensors: &MemorySource) {
    let names = tensors.shapes().iter().enumerate();
    let entries: Vec<_> = names.map(|(i, (name, shape))| torch_file::Entry::whole(name, shape, i)).collect();
    let storages: Vec<_> = entries.iter().map(|entry| tensors.get(&entry.name).unwrap_or_default().to_vec()).collect();
    let bytes = torch_file::torch_zip(&entries, &storages, "cuda:0", Some("model"));
    std::fs::write(path, bytes).expect("it can be written");
}
