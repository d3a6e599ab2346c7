//! Checkpoints as scenarios: whose names a file carries, what it holds, what comes back, and what is said of a bad one.

#[path = "support/card.rs"]
mod card;
#[allow(dead_code, reason = "the fuzz tests share it")]
#[path = "support/torch_file.rs"]
mod torch_file;

use burn::tensor::Device;
use sam2rad::checkpoint::{
    CheckpointError, Detected, Dtype, LoadOptions, MemorySource, ModelFile, ModelFileReader, PytorchSource,
    TensorSource, collect, detect, keys, keys::Naming, load, merge_lora, shapes, write_model_file,
};
use sam2rad::config::{Architecture, Sam2RadConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use card::card;
use torch_file::zip_checkpoint;

fn architecture(image_encoder: &str, mask_decoder: &str, prompt_predictor: &str) -> Architecture {
    let [image_encoder, mask_decoder, prompt_predictor] =
        [image_encoder, mask_decoder, prompt_predictor].map(str::to_owned);
    Architecture { image_encoder, mask_decoder, prompt_predictor }
}

fn micro() -> Sam2RadConfig {
    Sam2RadConfig::new(architecture("micro", "sam2_mask_decoder", "sam2_high_res_ppn"), 256, 2, 10).unwrap()
}

/// The reference's `state_dict` of a configuration: names and shapes.
fn reference_keys(config: &str) -> BTreeMap<String, Vec<usize>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys").join(format!("{config}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Configurations of the fixtures.
fn references() -> Vec<(&'static str, Sam2RadConfig)> {
    let make = |name, (encoder, decoder, predictor), size, structures| {
        (name, Sam2RadConfig::new(architecture(encoder, decoder, predictor), size, structures, 10).unwrap())
    };
    vec![
        make("nano_256", ("nano", "sam2_mask_decoder", "sam2_high_res_ppn"), 256, 1),
        make(
            "sam2_tiny_adapter_lora_512",
            ("sam2_tiny_hiera_adapter", "sam2_lora_mask_decoder", "sam2_high_res_ppn"),
            512,
            1,
        ),
        make("sam_vit_b_512", ("sam_vit_b", "sam_mask_decoder", "sam_vitb_high_res_ppn"), 512, 1),
        make("sam_vit_b_adapter_512", ("sam_vit_b_adapter", "lora_mask_decoder", "sam_vitb_high_res_ppn"), 512, 1),
        make(
            "mobile_sam_adapter_lora_512",
            ("vit_tiny_adapter", "lora_mask_decoder", "mobile_sam_high_res_ppn"),
            512,
            2,
        ),
    ]
}

/// A source with the reference's names, all zero, as the trainer's file has them.
fn lightning(config: &Sam2RadConfig, keys: &BTreeMap<String, Vec<usize>>) -> MemorySource {
    let mut source = MemorySource::default();
    let mut zeros = |name: String, shape: Vec<usize>| {
        let count = shape.iter().product();
        source.insert(name, shape, vec![0.0; count]);
    };
    keys.iter().for_each(|(name, shape)| zeros(format!("state_dict.model.model.{name}"), shape.clone()));
    let dim = config.image_encoder.prompt_embed_dim;
    zeros("state_dict.model.learnable_prompts.wrist".into(), vec![config.structures, config.tokens, dim]);
    zeros("optimizer_states.0.state.0.exp_avg".into(), vec![3]);
    source
}

#[test]
fn every_key_of_the_reference_is_used_once_or_known_to_be_of_no_use() {
    for (name, config) in references() {
        let reference = reference_keys(name);
        let mut used = BTreeSet::new();
        for (path, shape) in shapes(&config.init(&Device::flex())) {
            if path == "learnable_prompts" {
                continue;
            }
            let key = keys::source_name(Naming::Reference, &config, &path);
            assert_eq!(reference.get(&key), Some(&shape), "{name}: {path} is {key} there");
            assert!(used.insert(key.clone()), "{name}: {key} is used twice");
        }
        for key in reference.keys().filter(|key| !used.contains(*key)) {
            assert!(keys::is_ignored(key), "{name}: {key} is neither used nor ignored");
        }
    }
}

#[test]
fn the_trainers_file_is_recognised_and_loads() {
    for (name, config) in references() {
        let mut source = lightning(&config, &reference_keys(name));
        let found = detect(source.shapes(), None).unwrap();
        assert_eq!(found.architecture, config.architecture, "{name}");
        assert_eq!(
            (found.naming, found.structures, found.tokens),
            (Naming::Reference, Some(config.structures), Some(10))
        );
        let options = LoadOptions { image_size: Some(config.image_size), ..LoadOptions::default() };
        let loaded = load(&mut source, &options, &Device::flex()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(loaded.initialised.is_empty());
    }
}

#[test]
fn prompts_of_several_datasets_need_a_choice() {
    let (name, config) = references().remove(0);
    let mut source = lightning(&config, &reference_keys(name));
    source.insert("state_dict.model.learnable_prompts.hip", vec![1, 10, 256], vec![0.0; 2560]);
    let Err(CheckpointError::Dataset(names)) = detect(source.shapes(), None) else { panic!("a choice is needed") };
    assert_eq!(names, "hip, wrist");
    let Detected { prompts, .. } = detect(source.shapes(), Some("hip")).unwrap();
    assert_eq!(prompts.as_deref(), Some("state_dict.model.learnable_prompts.hip"));
}

/// An official checkpoint of the configuration: its names, without what the reference adds.
fn official(naming: Naming, prefix: &str, config: &Sam2RadConfig) -> MemorySource {
    let mut source = MemorySource::default();
    for (path, shape) in shapes(&config.init(&Device::flex())) {
        if !keys::is_added_to(naming, &path) {
            let count = shape.iter().product();
            source.insert(format!("{prefix}{}", keys::source_name(naming, config, &path)), shape, vec![0.0; count]);
        }
    }
    source
}

#[test]
fn official_checkpoints_load_and_the_added_parts_are_said_to_be_fresh() {
    let cases = [
        (Naming::Sam2, "model.", ("sam2_tiny_hiera", "sam2_mask_decoder", "sam2_high_res_ppn")),
        (Naming::Sam, "", ("vit_tiny", "sam_mask_decoder", "mobile_sam_high_res_ppn")),
        (Naming::Sam, "", ("sam_vit_b", "sam_mask_decoder", "sam_vitb_high_res_ppn")),
    ];
    for (naming, prefix, (encoder, decoder, predictor)) in cases {
        let config = Sam2RadConfig::new(architecture(encoder, decoder, predictor), 1024, 1, 10).unwrap();
        let mut source = official(naming, prefix, &config);
        let found = detect(source.shapes(), None).unwrap();
        assert_eq!((found.naming, &found.architecture), (naming, &config.architecture));
        let loaded = load(&mut source, &LoadOptions::default(), &Device::flex()).unwrap();
        assert!(loaded.initialised.contains(&"learnable_prompts".to_owned()));
        assert!(loaded.initialised.iter().all(|name| keys::is_added_to(naming, name)));
    }
}

#[test]
fn sams_position_tables_are_stretched_to_another_image_size() {
    let config =
        Sam2RadConfig::new(architecture("sam_vit_b", "sam_mask_decoder", "sam_vitb_high_res_ppn"), 1024, 1, 10);
    let mut source = official(Naming::Sam, "", &config.unwrap());
    let options = LoadOptions { image_size: Some(256), ..LoadOptions::default() };
    let loaded = load(&mut source, &options, &Device::flex()).unwrap();
    let shapes = shapes(&loaded.model);
    assert_eq!(shapes["image_encoder.pos_embed"], [1, 16, 16, 768]);
    assert_eq!(shapes["image_encoder.blocks.2.attn.rel_pos_h"], [31, 64]);
    assert_eq!(shapes["image_encoder.blocks.0.attn.rel_pos_h"], [27, 64]);
}

#[test]
fn encoders_without_a_golden_have_the_published_numbers_of_parameters() {
    // Of the image encoder alone, in millions: SAM 2's table and SAM's. The trunk and neck of base+ and large, all of the ViTs.
    for (encoder, decoder, predictor, millions) in [
        ("sam2_base+_hiera", "sam2_mask_decoder", "sam2_high_res_ppn", 69.1),
        ("sam2_large_hiera", "sam2_mask_decoder", "sam2_high_res_ppn", 212.7),
        ("sam_vit_l", "sam_mask_decoder", "sam_vitl_high_res_ppn", 308.3),
        ("sam_vit_h", "sam_mask_decoder", "sam_vith_high_res_ppn", 637.0),
    ] {
        let config = Sam2RadConfig::new(architecture(encoder, decoder, predictor), 1024, 1, 10).unwrap();
        let shapes = shapes(&config.init(&Device::flex()));
        let encoder_shapes = shapes.iter().filter(|(name, _)| name.starts_with("image_encoder."));
        let count: usize = encoder_shapes.map(|(_, shape)| shape.iter().product::<usize>()).sum();
        let found = count as f64 / 1e6;
        assert!((found / millions - 1.0).abs() < 0.01, "{encoder}: {found} M instead of {millions} M");
    }
}

/// A model file of freshly initialised `micro` weights, and the weights.
fn write_micro(folder: &Path, dtype: Dtype) -> (PathBuf, MemorySource) {
    let config = micro();
    let weights = collect(&config.init(&Device::flex()));
    let path = folder.join("micro.safetensors");
    write_model_file(&path, &card(&config, dtype), &weights).unwrap();
    (path, weights)
}

#[test]
fn f32_weights_come_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let (path, weights) = write_micro(folder.path(), Dtype::F32);
    let mut file = ModelFile::open(&path).unwrap();
    assert_eq!(file.card().unwrap().structures[1].name, "lunate");
    let loaded =
        load(&mut file, &LoadOptions { image_size: Some(256), ..LoadOptions::default() }, &Device::flex()).unwrap();
    let back = collect(&loaded.model);
    assert_eq!(back.shapes(), weights.shapes());
    assert!(weights.shapes().keys().all(|name| back.get(name) == weights.get(name)));
}

#[test]
fn smaller_types_lose_little_and_save_much() {
    let folder = tempfile::tempdir().unwrap();
    let (f32_path, weights) = write_micro(folder.path(), Dtype::F32);
    let f32_size = std::fs::metadata(&f32_path).unwrap().len() as f64;
    for (dtype, size, loss) in [(Dtype::F16, 0.5, 1e-3), (Dtype::Q8, 0.30, 8e-3)] {
        let path = folder.path().join("small.safetensors");
        write_model_file(&path, &card(&micro(), dtype), &weights).unwrap();
        let ratio = std::fs::metadata(&path).unwrap().len() as f64 / f32_size;
        assert!(ratio < size + 0.02, "{dtype:?}: {ratio}");
        let mut file = ModelFile::open(&path).unwrap();
        for name in weights.shapes().keys() {
            let (expected, found) = (weights.get(name).unwrap(), file.read(name).unwrap());
            let largest = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            for (a, b) in expected.iter().zip(&found) {
                assert!((a - b).abs() <= largest * loss + 1e-7, "{dtype:?} {name}: {a} {b}");
            }
        }
    }
}

#[test]
fn lora_is_merged_into_the_weights_it_updates() {
    let lora = architecture("sam2_tiny_hiera", "sam2_lora_mask_decoder", "sam2_high_res_ppn");
    let mut tensors = MemorySource::default();
    tensors.insert("mask_decoder.q_proj.linear.weight", vec![2, 3], vec![0.0; 6]);
    tensors.insert("mask_decoder.q_proj.w_a.weight", vec![1, 3], vec![1.0, 2.0, 3.0]);
    tensors.insert("mask_decoder.q_proj.w_b.weight", vec![2, 1], vec![10.0, 100.0]);
    assert_eq!(merge_lora(&mut tensors, &lora).mask_decoder, "sam2_mask_decoder");
    assert_eq!(tensors.shapes().len(), 1);
    assert_eq!(tensors.get("mask_decoder.q_proj.linear.weight").unwrap(), [10., 20., 30., 100., 200., 300.]);
}

fn read_all(bytes: &[u8]) -> Result<ModelFile, CheckpointError> {
    let mut reader = ModelFileReader::default();
    reader.push(bytes)?;
    reader.finish()
}

#[test]
fn a_truncated_file_says_how_much_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(write_micro(folder.path(), Dtype::F16).0).unwrap();
    let Err(CheckpointError::Damaged(why)) = read_all(&bytes[..bytes.len() - 123]) else { panic!("it is truncated") };
    assert!(why.contains("123 bytes"), "{why}");
}

#[test]
fn a_changed_byte_is_found_by_the_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(write_micro(folder.path(), Dtype::F16).0).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(read_all(&bytes), Err(CheckpointError::Damaged(why)) if why.contains("checksum")));
}

#[test]
fn what_is_no_checkpoint_is_said_to_be_none() {
    assert!(matches!(read_all(b"GIF89a and so on"), Err(CheckpointError::NotACheckpoint(_))));
    assert!(matches!(read_all(b""), Err(CheckpointError::NotACheckpoint(_))));
    assert!(matches!(PytorchSource::from_bytes(b"hello".to_vec()), Err(CheckpointError::NotACheckpoint(_))));
    let mut other = MemorySource::default();
    other.insert("fc.weight", vec![1], vec![0.0]);
    assert!(
        matches!(detect(other.shapes(), None), Err(CheckpointError::NotACheckpoint(why)) if why.contains("fc.weight"))
    );
}

#[test]
fn a_network_of_another_kind_is_named() {
    let mut other = MemorySource::default();
    other.insert("image_encoder.trunk.patch_embed.proj.weight", vec![64, 3, 7, 7], vec![0.0; 64 * 147]);
    other.insert("image_encoder.trunk.blocks.3.norm1.weight", vec![64], vec![0.0; 64]);
    let Err(CheckpointError::OtherArchitecture { found, .. }) = detect(other.shapes(), None) else { panic!("unknown") };
    assert!(found.contains("4 blocks") && found.contains("64"), "{found}");

    let folder = tempfile::tempdir().unwrap();
    let mut file = ModelFile::open(&write_micro(folder.path(), Dtype::F16).0).unwrap();
    let nano = architecture("nano", "sam2_mask_decoder", "sam2_high_res_ppn");
    let options = LoadOptions { architecture: Some(nano), ..LoadOptions::default() };
    let error = load(&mut file, &options, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("micro") && error.contains("nano"), "{error}");
}

#[test]
fn a_description_that_is_no_json_is_a_metadata_error() {
    let header = br#"{"__metadata__":{"sam2rad":"{not json"}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header].concat();
    assert!(matches!(read_all(&bytes), Err(CheckpointError::Metadata(_))));
}

#[test]
fn a_pytorch_file_is_read_without_pytorch() {
    // Made with PyTorch's own layout by hand: a zip with `data.pkl` (protocol 2) and one storage.
    let mut source = PytorchSource::from_bytes(zip_checkpoint(&[1.5, -2.0])).unwrap();
    assert_eq!(source.shapes()["weight"], [2]);
    assert_eq!(source.read("weight").unwrap(), [1.5, -2.0]);
}
