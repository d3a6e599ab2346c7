//! Checkpoints as scenarios: whose names a file carries, what it holds, what comes back, and what is said of a bad one.

#[path = "support/card.rs"]
mod card;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "golden/formula.rs"]
mod formula;
#[path = "support/micro.rs"]
mod micro;
#[allow(dead_code, reason = "the fuzz tests share it")]
#[path = "support/torch_file.rs"]
mod torch_file;

use burn::tensor::Device;
use sam2rad::checkpoint::{
    Checkpoint, CheckpointError, Detected, Dtype, LoadOptions, Loaded, MemorySource, ModelCard, ModelFile,
    ModelFileReader, PytorchSource, TensorSource, collect, detect, keys, keys::Naming, merge_lora, shapes,
    write_model_file,
};
use sam2rad::config::{Parts, Sam2RadConfig};
use sam2rad::segmenter::Segmenter;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use card::card;
use micro::{architecture, micro};
use torch_file::{Entry, torch_before_zip, torch_zip, zip_checkpoint};

fn load(source: MemorySource, options: &LoadOptions) -> Result<Loaded, CheckpointError> {
    Checkpoint::new(Box::new(source)).load(options, &Device::flex())
}

fn at(image_size: usize) -> LoadOptions {
    LoadOptions::at(image_size)
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
        let source = lightning(&config, &reference_keys(name));
        let found = detect(source.shapes(), None).unwrap();
        assert_eq!(found.architecture, config.architecture, "{name}");
        assert_eq!(
            (found.naming, found.structures, found.tokens),
            (Naming::Reference, Some(config.structures), Some(10))
        );
        let loaded = load(source, &at(config.image_size)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(loaded.config, config);
    }
}

#[test]
fn prompts_of_several_datasets_need_a_choice() {
    let (name, config) = references().remove(0);
    let mut source = lightning(&config, &reference_keys(name));
    source.insert("state_dict.model.learnable_prompts.hip", vec![1, 10, 256], vec![0.0; 2560]);
    let Err(CheckpointError::Dataset { names, asked: None }) = detect(source.shapes(), None) else {
        panic!("a choice is needed")
    };
    assert_eq!(names, ["hip", "wrist"]);
    let error = detect(source.shapes(), Some("knee")).unwrap_err().to_string();
    assert!(error.contains("hip, wrist, and none is `knee`"), "{error}");
    let Detected { prompts, .. } = detect(source.shapes(), Some("hip")).unwrap();
    assert_eq!(prompts.as_deref(), Some("state_dict.model.learnable_prompts.hip"));
}

/// A checkpoint of the configuration as its authors publish it.
fn official(naming: Naming, prefix: &str, config: &Sam2RadConfig) -> MemorySource {
    let mut source = MemorySource::default();
    for (path, shape) in shapes(&config.init(&Device::flex())) {
        let count = shape.iter().product();
        source.insert(format!("{prefix}{}", keys::source_name(naming, config, &path)), shape, vec![0.0; count]);
    }
    source
}

fn bare(encoder: &str, decoder: &str, predictor: &str, size: usize) -> Sam2RadConfig {
    let config = Sam2RadConfig::new(architecture(encoder, decoder, predictor), size, 1, 10).unwrap();
    let object_score = config.mask_decoder.high_res_features;
    config.with_parts(Parts { prompt_predictor: false, object_score })
}

#[test]
fn official_checkpoints_load_without_the_parts_that_they_lack() {
    let cases = [
        (Naming::Sam2, "model.", bare("sam2_tiny_hiera", "sam2_mask_decoder", "sam2_high_res_ppn", 1024)),
        (Naming::Sam, "", bare("vit_tiny", "sam_mask_decoder", "mobile_sam_high_res_ppn", 1024)),
        (Naming::Sam, "", bare("sam_vit_b", "sam_mask_decoder", "sam_vitb_high_res_ppn", 1024)),
    ];
    for (naming, prefix, config) in cases {
        let source = official(naming, prefix, &config);
        let found = detect(source.shapes(), None).unwrap();
        assert_eq!((found.naming, &found.architecture, found.parts), (naming, &config.architecture, config.parts));
        let loaded = load(source, &LoadOptions::default()).unwrap();
        assert_eq!(loaded.config, config);
        assert_eq!((loaded.card.parts, loaded.card.tokens, loaded.card.image_size), (config.parts, 0, 1024));
        assert!(loaded.initialised.is_empty());
        assert_eq!(loaded.is_size_assumed, found.image_size.is_none());
    }
}

#[test]
fn a_part_that_is_there_in_half_is_missing_the_rest() {
    let config = bare("nano", "sam2_mask_decoder", "sam2_high_res_ppn", 256);
    let mut source = official(Naming::Sam2, "", &config);
    source.remove("sam_mask_decoder.obj_score_token.weight").unwrap();
    let Err(CheckpointError::Keys(mismatch)) = load(source, &at(256)) else { panic!("the token is missing") };
    assert_eq!(mismatch.missing, [("sam_mask_decoder.obj_score_token.weight".to_owned(), vec![1, 256])]);
}

#[test]
fn a_network_whose_image_size_nobody_says_is_not_loaded() {
    let config = bare("nano", "sam2_mask_decoder", "sam2_high_res_ppn", 256);
    let refused = load(official(Naming::Sam2, "", &config), &LoadOptions::default());
    assert!(matches!(refused, Err(CheckpointError::UnknownImageSize)));
    let (name, trained) = references().swap_remove(1);
    let refused = load(lightning(&trained, &reference_keys(name)), &LoadOptions::default());
    assert!(matches!(refused, Err(CheckpointError::UnknownImageSize)), "a trainer's SAM 2 may be of any size");
    // SAM's position table tells it.
    let (name, trained) = references().swap_remove(2);
    let loaded = load(lightning(&trained, &reference_keys(name)), &LoadOptions::default()).unwrap();
    assert_eq!(loaded.config.image_size, 512);
}

#[test]
fn sams_position_tables_are_stretched_to_another_image_size() {
    let config = bare("sam_vit_b", "sam_mask_decoder", "sam_vitb_high_res_ppn", 1024);
    let loaded = load(official(Naming::Sam, "", &config), &at(256)).unwrap();
    let shapes = shapes(&loaded.model);
    assert_eq!(shapes["image_encoder.pos_embed"], [1, 16, 16, 768]);
    assert_eq!(shapes["image_encoder.blocks.2.attn.rel_pos_h"], [31, 64]);
    assert_eq!(shapes["image_encoder.blocks.0.attn.rel_pos_h"], [27, 64]);
}

#[test]
fn position_tables_without_rows_do_not_fit() {
    let config = bare("sam_vit_b", "sam_mask_decoder", "sam_vitb_high_res_ppn", 256);
    for (name, shape) in [
        ("image_encoder.blocks.2.attn.rel_pos_h", vec![0, 64]),
        ("image_encoder.pos_embed", vec![1, 0, 0, 768]),
        ("image_encoder.pos_embed", vec![1, 16, 0, 768]),
    ] {
        let mut source = official(Naming::Sam, "", &config);
        source.insert(name, shape.clone(), vec![]);
        let Err(CheckpointError::Keys(mismatch)) = load(source, &at(256)) else { panic!("{name} has no rows") };
        assert_eq!(mismatch.misshapen.len(), 1);
        assert_eq!((mismatch.misshapen[0].0.as_str(), &mismatch.misshapen[0].1), (name, &shape));
    }
}

/// A safetensors file of a header alone: tensors of no values.
fn header_alone(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let entries = tensors.iter().map(|(name, shape)| {
        (name.to_string(), serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}))
    });
    let header = serde_json::Value::Object(entries.collect()).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

#[test]
fn a_file_of_500_bytes_with_the_names_of_sam_is_refused() {
    let bytes = header_alone(&[
        ("image_encoder.patch_embed.proj.weight", &[768, 0]),
        ("image_encoder.blocks.11.norm1.weight", &[0]),
        ("image_encoder.blocks.2.attn.rel_pos_h", &[0, 64]),
        ("image_encoder.pos_embed", &[1, 0, 0, 768]),
    ]);
    assert!(bytes.len() < 500);
    for options in [LoadOptions::default(), at(256), at(1024)] {
        let loaded = Checkpoint::from_bytes(bytes.clone()).unwrap().load(&options, &Device::flex());
        assert!(matches!(loaded, Err(CheckpointError::Keys(_) | CheckpointError::Config(_))), "{loaded:?}");
    }
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
    let mut weights = collect(&config.init(&Device::flex()));
    let path = folder.join("micro.safetensors");
    write_model_file(&path, &card(&config, dtype), &mut weights).unwrap();
    (path, weights)
}

#[test]
fn f32_weights_come_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let (path, weights) = write_micro(folder.path(), Dtype::F32);
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.card().unwrap().structures[1].name, "lunate");
    let loaded = checkpoint.load(&LoadOptions::default(), &Device::flex()).unwrap();
    let back = collect(&loaded.model);
    assert_eq!(back.shapes(), weights.shapes());
    assert!(weights.shapes().keys().all(|name| back.get(name) == weights.get(name)));
}

#[test]
fn smaller_types_lose_little_and_save_much() {
    let folder = tempfile::tempdir().unwrap();
    let (f32_path, mut weights) = write_micro(folder.path(), Dtype::F32);
    let f32_size = std::fs::metadata(&f32_path).unwrap().len() as f64;
    for (dtype, size, loss) in [(Dtype::F16, 0.5, 1e-3), (Dtype::Q8, 0.30, 8e-3)] {
        let path = folder.path().join("small.safetensors");
        write_model_file(&path, &card(&micro(), dtype), &mut weights).unwrap();
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
}

#[test]
fn a_card_that_does_not_describe_the_weights_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut weights) = write_micro(folder.path(), Dtype::F16);
    let right = ModelFile::open(&path).unwrap().card().unwrap().clone();
    let mut refusal = |change: &dyn Fn(&mut ModelCard)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        write_model_file(&path, &wrong, &mut weights).unwrap();
        let loaded = Checkpoint::open(&path).unwrap().load(&LoadOptions::default(), &Device::flex());
        loaded.unwrap_err().to_string()
    };
    let other = refusal(&|card| card.architecture.image_encoder = "nano".into());
    assert!(other.contains("micro") && other.contains("nano"), "{other}");
    let fewer = refusal(&|card| card.structures.truncate(1));
    assert!(fewer.contains("1 structures instead of 2"), "{fewer}");
    let tokens = refusal(&|card| card.tokens = 5);
    assert!(tokens.contains("5 tokens instead of 10"), "{tokens}");
    let parts = refusal(&|card| card.parts.prompt_predictor = false);
    assert!(parts.contains("prompt predictor"), "{parts}");
}

#[test]
fn a_bare_network_becomes_a_model_file_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.safetensors");
    let config = bare("nano", "sam2_mask_decoder", "sam2_high_res_ppn", 256);
    let checkpoint = Checkpoint::new(Box::new(official(Naming::Sam2, "", &config)));
    let mut options = at(256);
    options.structures = Some(2);
    let mut weights = checkpoint.prepare(&options, &Device::flex()).unwrap();
    let card = ModelCard { dtype: Dtype::F16, ..weights.card.clone() };
    write_model_file(&path, &card, &mut weights).unwrap();
    let file = ModelFile::open(&path).unwrap();
    assert!(!file.shapes().keys().any(|name| name.contains("predictor") || name.contains("prompts")));
    let segmenter = Segmenter::open(&path).unwrap();
    assert!(segmenter.is_manual_only());
    assert_eq!((segmenter.structures().len(), segmenter.card().dtype), (2, Dtype::F16));
}

#[test]
fn a_provenance_with_a_checksum_in_it_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut weights) = write_micro(folder.path(), Dtype::F16);
    let mut card = card(&micro(), Dtype::F16);
    card.date = format!("{}, \"sha256\":\"{}\"", "0".repeat(64), "0".repeat(64));
    write_model_file(&path, &card, &mut weights).unwrap();
    assert_eq!(ModelFile::open(&path).unwrap().card().unwrap().date, card.date);
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

/// SAM 2's nano network as its authors would publish it, with the formula's weights.
fn nano() -> MemorySource {
    let config = bare("nano", "sam2_mask_decoder", "sam2_high_res_ppn", 256);
    formula::official(&config, "")
}

/// The tensors of a source under other names.
fn named(source: &MemorySource, name: impl Fn(&str) -> String) -> MemorySource {
    let mut renamed = MemorySource::default();
    for (old, shape) in source.shapes() {
        renamed.insert(name(old), shape.clone(), source.get(old).unwrap().to_vec());
    }
    renamed
}

fn assert_is_nano(checkpoint: Checkpoint, what: &str) {
    let found =
        collect(&checkpoint.load(&at(256), &Device::flex()).unwrap_or_else(|error| panic!("{what}: {error}")).model);
    let expected = collect(&load(nano(), &at(256)).unwrap().model);
    assert_eq!(found.shapes(), expected.shapes(), "{what}");
    for name in expected.shapes().keys() {
        assert_eq!(found.get(name), expected.get(name), "{what}: {name}");
    }
}

#[test]
fn wrappers_in_names_are_looked_through() {
    let nano = nano();
    let compiled_parts = |name: &str| match name.split_once('.') {
        Some((part, rest)) => format!("{part}._orig_mod.{rest}"),
        None => name.to_owned(),
    };
    assert_is_nano(Checkpoint::new(Box::new(named(&nano, |name| format!("module._orig_mod.{name}")))), "whole");
    assert_is_nano(Checkpoint::new(Box::new(named(&nano, compiled_parts))), "parts");
    for prefix in ["state_dict.", "model.", "ema.", "state_dict.model.module."] {
        let mut source = named(&nano, |name| format!("{prefix}{name}"));
        source.insert("optimizer.state.0.exp_avg", vec![3], vec![0.0; 3]);
        assert_is_nano(Checkpoint::new(Box::new(source)), prefix);
    }
}

#[test]
fn of_weights_and_their_average_the_average_is_taken() {
    let nano = nano();
    for [weights, average] in [["model.", "ema."], ["state_dict.", "model_ema.module."], ["model.", "ema_model."]] {
        let mut source = named(&nano, |name| format!("{average}{name}"));
        for (name, shape) in nano.shapes() {
            source.insert(format!("{weights}{name}"), shape.clone(), vec![0.0; shape.iter().product()]);
        }
        assert_is_nano(Checkpoint::new(Box::new(source)), average);
    }
}

/// The name that `transformers` has for an official one of SAM 2, by its conversion script.
fn transformers_name(name: &str) -> String {
    let mut name = name.to_owned();
    for (from, to) in [
        ("iou_prediction_head.layers.0", "iou_prediction_head.proj_in"),
        ("iou_prediction_head.layers.1", "iou_prediction_head.layers.0"),
        ("iou_prediction_head.layers.2", "iou_prediction_head.proj_out"),
        ("mask_decoder.output_upscaling.0", "mask_decoder.upscale_conv1"),
        ("mask_decoder.output_upscaling.1", "mask_decoder.upscale_layer_norm"),
        ("mask_decoder.output_upscaling.3", "mask_decoder.upscale_conv2"),
        ("mask_downscaling.0", "mask_embed.conv1"),
        ("mask_downscaling.1", "mask_embed.layer_norm1"),
        ("mask_downscaling.3", "mask_embed.conv2"),
        ("mask_downscaling.4", "mask_embed.layer_norm2"),
        ("mask_downscaling.6", "mask_embed.conv3"),
        ("point_embeddings", "point_embed"),
        ("pe_layer.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
        ("sam_prompt_encoder", "prompt_encoder"),
        ("sam_mask_decoder", "mask_decoder"),
        ("image_encoder.neck", "vision_encoder.neck"),
        ("image_encoder", "vision_encoder.backbone"),
        ("patch_embed.proj", "patch_embed.projection"),
        ("no_mem_embed", "no_memory_embedding"),
        (".norm", ".layer_norm"),
        ("trunk.", ""),
        ("out_proj", "o_proj"),
    ] {
        name = name.replace(from, to);
    }
    let heads = ["mask_decoder.pred_obj_score_head.", "mask_decoder.output_hypernetworks_mlps."];
    if heads.iter().any(|head| name.starts_with(head)) {
        name = name.replace("layers.0", "proj_in").replace("layers.1", "layers.0").replace("layers.2", "proj_out");
    } else if name.contains(".mlp.layers.") {
        name = name.replace("mlp.layers.0", "mlp.proj_in").replace("mlp.layers.1", "mlp.proj_out");
    }
    if name.starts_with("vision_encoder.neck.") { name.replace(".conv.", ".") } else { name }
}

#[test]
fn sam_2_under_the_names_of_transformers_is_the_same_network() {
    let mut source = named(&nano(), transformers_name);
    let rows = (0..4).map(|i| source.remove(&format!("prompt_encoder.point_embed.{i}.weight")).unwrap().1);
    let rows = rows.collect::<Vec<_>>().concat();
    source.insert("prompt_encoder.point_embed.weight", vec![4, 256], rows);
    let matrix = source.remove("prompt_encoder.shared_embedding.positional_embedding").unwrap();
    source.insert("memory_attention.layers.0.linear1.weight", vec![2], vec![0.0; 2]);
    for name in ["prompt_encoder.shared_embedding", "shared_image_embedding"] {
        // A tensor of two names is saved under both or one.
        source.insert(format!("{name}.positional_embedding"), matrix.0.clone(), matrix.1.clone());
        assert_is_nano(Checkpoint::new(Box::new(source.clone())), name);
    }
    source.remove("prompt_encoder.shared_embedding.positional_embedding");
    assert_is_nano(Checkpoint::new(Box::new(named(&source, |name| format!("sam.{name}")))), "with a prefix");
}

#[test]
fn a_network_of_transformers_that_is_not_known_is_said_to_have_their_names() {
    let bytes = header_alone(&[
        ("vision_encoder.patch_embed.projection.weight", &[32, 0]),
        ("vision_encoder.layers.0.attn.qkv.weight", &[0, 32]),
    ]);
    let error = Checkpoint::from_bytes(bytes).unwrap().load(&at(256), &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("transformers") && !error.contains("damaged"), "{error}");
}

/// Storages and entries of the nano network, each tensor in a storage of its own.
fn nano_storages() -> (Vec<Entry>, Vec<Vec<f32>>) {
    let nano = nano();
    let entries = nano.shapes().iter().enumerate().map(|(i, (name, shape))| Entry::whole(name, shape, i));
    (entries.collect(), nano.shapes().keys().map(|name| nano.get(name).unwrap().to_vec()).collect())
}

#[test]
fn a_file_of_before_pytorch_1_6_is_the_same_network() {
    let (entries, storages) = nano_storages();
    assert_is_nano(Checkpoint::from_bytes(torch_before_zip(&entries, &storages)).unwrap(), "before zip");
}

#[test]
fn a_file_of_a_trainer_on_a_gpu_is_the_same_network() {
    let (entries, storages) = nano_storages();
    let bytes = torch_zip(&entries, &storages, "cuda:0", Some("model"));
    assert_is_nano(Checkpoint::from_bytes(bytes).unwrap(), "a trainer's");
}

#[test]
fn tensors_that_lie_transposed_or_share_a_storage_are_the_same_network() {
    let (mut entries, mut storages) = nano_storages();
    let mut shared = Vec::new();
    for (entry, values) in entries.iter_mut().zip(&mut storages) {
        match *entry.shape.as_slice() {
            [rows, columns] => {
                *values = (0..rows * columns).map(|i| values[i % rows * columns + i / rows]).collect();
                entry.strides = vec![1, rows];
            }
            [_] => {
                entry.offset = shared.len() + 1;
                shared.push(0.0);
                shared.append(values);
            }
            _ => {}
        }
    }
    let last = storages.len();
    entries.iter_mut().filter(|entry| entry.shape.len() == 1).for_each(|entry| entry.storage = last);
    storages.push(shared);
    assert_is_nano(Checkpoint::from_bytes(torch_zip(&entries, &storages, "cpu", None)).unwrap(), "strided");
}

#[test]
fn several_files_of_one_checkpoint_are_named_as_such() {
    let index = br#"{"metadata": {"total_size": 1}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}"#;
    assert!(matches!(Checkpoint::from_bytes(index.to_vec()), Err(CheckpointError::Shards)));
    assert!(matches!(Checkpoint::open(Path::new("model-00001-of-00002.safetensors")), Err(CheckpointError::Shards)));
}

#[test]
fn attention_from_tokens_to_the_image_is_quantised_and_tokens_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(write_micro(folder.path(), Dtype::Q8).0).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let dtype = |name: &str| file.tensor(name).unwrap().dtype();
    let attention = "mask_decoder.transformer.layers.0.cross_attn_token_to_image.k_proj.weight";
    assert_eq!(dtype(attention), safetensors::Dtype::I8);
    for kept in ["mask_decoder.mask_tokens.weight", "mask_decoder.iou_token.weight", "learnable_prompts"] {
        assert_eq!(dtype(kept), safetensors::Dtype::F16, "{kept}");
    }
}
