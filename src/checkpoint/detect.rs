//! What a checkpoint holds, from the names and shapes of its tensors alone.

use std::collections::BTreeMap;

use super::CheckpointError;
use super::keys::Naming;
use crate::config::{
    Architecture, Backbone, IMAGE_ENCODERS, ImageEncoderConfig, MEMORIES, PATCH_SIZE, PROMPT_PREDICTORS, Parts,
};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// Whose names they are.
    pub naming: Naming,
    /// What stands in front of every name of the network, for example `state_dict.model.model.`.
    pub prefix: String,
    /// The network. Where the file has no prompt predictor, the one that fits is named.
    pub architecture: Architecture,
    /// Which of the parts that a file may lack are in it.
    pub parts: Parts,
    /// Side of the input where a position table tells it.
    pub image_size: Option<usize>,
    /// Structures with learnt prompts.
    pub structures: Option<usize>,
    /// Learnt tokens for each.
    pub tokens: Option<usize>,
    /// The whole name of the learnt prompts.
    pub prompts: Option<String>,
}

impl Detected {
    /// The image size at which the file's network was published, where it is taken for one of its authors' own: it has their names,
    /// the full-size network, and nothing added. SAM, SAM 2 and MobileSAM were all trained at 1024.
    pub fn published_image_size(&self) -> Option<usize> {
        let is_official = matches!(self.naming, Naming::Sam | Naming::Sam2);
        let is_small = ["nano", "micro"].contains(&self.architecture.image_encoder.as_str());
        (is_official && !is_small && !self.architecture.image_encoder.ends_with("_adapter")).then_some(1024)
    }
}

/// Looks at `shapes`. `dataset` chooses the prompts where the reference trainer's file has several.
///
/// # Errors
/// [`CheckpointError::NotACheckpoint`], [`CheckpointError::OtherArchitecture`] or [`CheckpointError::Dataset`].
pub fn detect(shapes: &BTreeMap<String, Vec<usize>>, dataset: Option<&str>) -> Result<Detected, CheckpointError> {
    let mut found = detect_network(shapes)?;
    if let Some((name, shape)) = learnable_prompts(shapes, dataset)? {
        found.parts.prompt_predictor = true;
        found.prompts = Some(name);
        if let &[structures, tokens, _] = shape.as_slice() {
            (found.structures, found.tokens) = (Some(structures), Some(tokens));
        }
    }
    Ok(found)
}

/// As [`detect`], without a look at the learnt prompts.
pub(super) fn detect_network(shapes: &BTreeMap<String, Vec<usize>>) -> Result<Detected, CheckpointError> {
    let prefix = prefix(shapes).ok_or_else(|| {
        let example = shapes.keys().next().map_or("nothing".to_owned(), |name| format!("`{name}`"));
        CheckpointError::NotACheckpoint(format!(
            "it has no image encoder among its {} tensors ({example})",
            shapes.len()
        ))
    })?;
    let inside: BTreeMap<&str, &[usize]> =
        shapes.iter().filter_map(|(name, shape)| Some((name.strip_prefix(&prefix)?, shape.as_slice()))).collect();
    let has = |part: &str| inside.keys().any(|name| name.contains(part));
    let naming = if has("prompt_sampler.") {
        Naming::Reference
    } else if has("sam_prompt_encoder.") {
        Naming::Sam2
    } else if has("prompt_predictor.") || has("output_upscaling.conv1.") {
        Naming::Sam2Rad
    } else {
        Naming::Sam
    };
    let encoder = image_encoder(&inside)?;
    let config = ImageEncoderConfig::by_name(&encoder)?;
    let parts = Parts {
        prompt_predictor: inside.keys().any(|name| is_of_predictor(name)),
        object_score: has("mask_decoder.") && (has("obj_score_token.") || has("pred_obj_score_head.")),
    };
    let table = find(&inside, "image_encoder.", "pos_embed").filter(|_| matches!(config.backbone, Backbone::Vit(_)));
    Ok(Detected {
        naming,
        prefix,
        image_size: table.and_then(|shape| shape.get(1)).map(|side| side * PATCH_SIZE),
        architecture: Architecture {
            mask_decoder: mask_decoder(&config, &inside).to_owned(),
            prompt_predictor: prompt_predictor(&config, parts, &inside).to_owned(),
            memory: memory(naming, &inside),
            image_encoder: encoder,
        },
        parts,
        structures: None,
        tokens: None,
        prompts: None,
    })
}

/// What stands in front of `image_encoder.` in most names that have it. A trainer's file may hold the network twice, as it is and
/// averaged: the average is what its author would use.
fn prefix(shapes: &BTreeMap<String, Vec<usize>>) -> Option<String> {
    let mut counts = BTreeMap::new();
    for (before, _) in shapes.keys().filter_map(|name| name.split_once("image_encoder.")) {
        *counts.entry(before).or_insert(0) += 1;
    }
    let is_average = |prefix: &str| prefix.split(['.', '_']).any(|part| part == "ema");
    counts.into_iter().max_by_key(|(prefix, count)| (*count, is_average(prefix))).map(|(prefix, _)| prefix.to_owned())
}

/// Whether a name of the reference or of ours is of the prompt predictor. The reference's predictor has a second name for the
/// storage of the prompt encoder.
fn is_of_predictor(name: &str) -> bool {
    let theirs = name.strip_prefix("prompt_sampler.prompt_learner.");
    let shared = |name: &str| name.starts_with("prompt_encoder.") || name.starts_with("pos_encoding");
    name.starts_with("prompt_predictor.") || theirs.is_some_and(|name| !shared(name))
}

/// The shape of the tensor whose name starts and ends so.
fn find<'a>(inside: &BTreeMap<&str, &'a [usize]>, start: &str, end: &str) -> Option<&'a [usize]> {
    inside.iter().find(|(name, _)| name.starts_with(start) && name.ends_with(end)).map(|(_, shape)| *shape)
}

/// The number that follows `before`, at its largest, plus one.
fn count(inside: &BTreeMap<&str, &[usize]>, before: &str) -> usize {
    let numbers = inside.keys().filter_map(|name| {
        let (_, after) = name.split_once(before)?;
        after.split('.').next()?.parse::<usize>().ok()
    });
    numbers.max().map_or(0, |largest| largest.saturating_add(1))
}

fn image_encoder(inside: &BTreeMap<&str, &[usize]>) -> Result<String, CheckpointError> {
    let first = |shape: Option<&[usize]>| shape.and_then(|shape| shape.first().copied()).unwrap_or(0);
    let hiera_width = first(find(inside, "image_encoder.", "trunk.patch_embed.proj.weight"));
    let vit_width = first(find(inside, "image_encoder.", "patch_embed.proj.weight"));
    let neck_width = first(find(inside, "image_encoder.", "neck.convs.0.conv.weight"));
    let hiera_depth = count(inside, "trunk.blocks.");
    let vit_depth = count(inside, "image_encoder.blocks.").max(count(inside, "image_encoder.net.blocks."));
    let is_tiny = inside.keys().any(|name| name.contains("attn.attention_biases"));
    let fits =
        |name: &&&str| {
            let Ok(config) = ImageEncoderConfig::by_name(name) else { return false };
            match &config.backbone {
                Backbone::Hiera(hiera) => {
                    (hiera.embed_dim, hiera.depth(), config.prompt_embed_dim) == (hiera_width, hiera_depth, neck_width)
                }
                Backbone::Vit(vit) => hiera_width == 0 && (vit.embed_dim, vit.depth) == (vit_width, vit_depth),
                Backbone::TinyVit(_) => is_tiny,
                Backbone::ConvNet(net) => net.widths.iter().enumerate().all(|(i, &width)| {
                    first(find(inside, &format!("image_encoder.stages.{i}."), "conv.weight")) == width
                }),
            }
        };
    let name = IMAGE_ENCODERS.iter().find(fits).ok_or_else(|| CheckpointError::OtherArchitecture {
        found: match (hiera_depth, vit_depth) {
            (0, 0) => "an image encoder of no known kind".to_owned(),
            (0, depth) => format!("a ViT with {depth} blocks of width {vit_width}"),
            (depth, _) => format!("a Hiera with {depth} blocks that start at width {hiera_width}"),
        },
        expected: format!("one of {}", IMAGE_ENCODERS.join(", ")),
    })?;
    let adapter = inside.keys().any(|name| name.starts_with("image_encoder.adapters."));
    Ok(format!("{name}{}", if adapter { "_adapter" } else { "" }))
}

fn mask_decoder(encoder: &ImageEncoderConfig, inside: &BTreeMap<&str, &[usize]>) -> &'static str {
    let has = |part: &str| inside.keys().any(|name| name.contains(part));
    let lora = has("mask_decoder.") && has("q_proj.w_a.");
    match (encoder.backbone.is_pyramid(), lora) {
        (true, true) => "sam2_lora_mask_decoder",
        (true, false) => "sam2_mask_decoder",
        (false, true) => "lora_mask_decoder",
        (false, false) if has("pred_obj_score_head.layers.2.") => "merged_lora_mask_decoder",
        (false, false) => "sam_mask_decoder",
    }
}

fn prompt_predictor(encoder: &ImageEncoderConfig, parts: Parts, inside: &BTreeMap<&str, &[usize]>) -> &'static str {
    let has = |part: &str| inside.keys().any(|name| name.contains(part));
    if parts.prompt_predictor && !has("channel_adapters.") {
        return "linear";
    }
    let width = match &encoder.backbone {
        Backbone::Hiera(_) | Backbone::ConvNet(_) => None,
        Backbone::Vit(vit) => Some(vit.embed_dim),
        Backbone::TinyVit(vit) => Some(vit.embed_dims[3]),
    };
    let row = PROMPT_PREDICTORS.iter().find(|row| row.depth > 1 && row.high_res_channels == width);
    row.map_or("linear", |row| row.name)
}

/// Which memory the file has. The reference's files carry SAM 2's original memory, which does not fit weights that were trained without it.
fn memory(naming: Naming, inside: &BTreeMap<&str, &[usize]>) -> Option<String> {
    let has = |part: &str| inside.keys().any(|name| name.contains(part));
    let row = MEMORIES.iter().find(|row| row.obj_ptr_tpos_proj == has("obj_ptr_tpos_proj."));
    let is_there = matches!(naming, Naming::Sam2 | Naming::Sam2Rad) && has("memory_attention.");
    row.filter(|_| is_there).map(|row| row.name.to_owned())
}

/// The learnt prompts' name and shape: ours, or the reference trainer's under their dataset's name.
fn learnable_prompts(
    shapes: &BTreeMap<String, Vec<usize>>,
    dataset: Option<&str>,
) -> Result<Option<(String, Vec<usize>)>, CheckpointError> {
    let optimizer = |name: &str| name.contains("optimizer");
    let all = shapes.iter().filter(|(name, shape)| {
        shape.len() == 3 && !optimizer(name) && name.split('.').any(|part| part == "learnable_prompts")
    });
    let dataset_of =
        |name: &str| name.rsplit("learnable_prompts").next().unwrap_or("").trim_start_matches('.').to_owned();
    let mut all: Vec<_> = all.map(|(name, shape)| (dataset_of(name), name.clone(), shape.clone())).collect();
    if let Some(dataset) = dataset {
        let names: Vec<_> = all.iter().map(|(name, ..)| name.clone()).filter(|name| !name.is_empty()).collect();
        all.retain(|(name, ..)| name == dataset);
        if all.is_empty() {
            return Err(CheckpointError::Dataset { names, asked: Some(dataset.to_owned()) });
        }
    }
    match all.len() {
        0 | 1 => Ok(all.pop().map(|(_, name, shape)| (name, shape))),
        _ => {
            Err(CheckpointError::Dataset { names: all.into_iter().map(|(dataset, ..)| dataset).collect(), asked: None })
        }
    }
}
