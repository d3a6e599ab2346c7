//! Names of weights: ours are the paths of the burn modules; every other naming is a table of rewrites from ours.

use crate::config::{Backbone, Sam2RadConfig};

/// Whose names a file carries (after the prefix that all its names share).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Our own model file.
    Sam2Rad,
    /// The reference's `state_dict`.
    Reference,
    /// Meta's SAM, and MobileSAM.
    Sam,
    /// Meta's SAM 2 and 2.1.
    Sam2,
}

/// A rewrite: in names that start with the first, the second becomes the third.
type Rewrite = (&'static str, &'static str, &'static str);

/// PyTorch's `Sequential` counts its members, ours have names. The order matters where a result could match again.
const SEQUENTIALS: [Rewrite; 17] = [
    ("image_encoder.neck.", "neck.conv1.", "neck.0."),
    ("image_encoder.neck.", "neck.norm1.", "neck.1."),
    ("image_encoder.neck.", "neck.conv2.", "neck.2."),
    ("image_encoder.neck.", "neck.norm2.", "neck.3."),
    ("image_encoder.patch_embed.", "patch_embed.conv1.", "patch_embed.seq.0."),
    ("image_encoder.patch_embed.", "patch_embed.conv2.", "patch_embed.seq.2."),
    ("image_encoder.adapters.", ".down.", ".adapters.0."),
    ("image_encoder.adapters.", ".up.", ".adapters.2."),
    ("prompt_encoder.", "mask_downscaling.conv1.", "mask_downscaling.0."),
    ("prompt_encoder.", "mask_downscaling.norm1.", "mask_downscaling.1."),
    ("prompt_encoder.", "mask_downscaling.conv2.", "mask_downscaling.3."),
    ("prompt_encoder.", "mask_downscaling.norm2.", "mask_downscaling.4."),
    ("prompt_encoder.", "mask_downscaling.conv3.", "mask_downscaling.6."),
    ("mask_decoder.", "output_upscaling.conv1.", "output_upscaling.0."),
    ("mask_decoder.", "output_upscaling.norm1.", "output_upscaling.1."),
    ("mask_decoder.", "output_upscaling.conv2.", "output_upscaling.3."),
    // The reference's first adapter is an identity without weights.
    ("prompt_predictor.channel_adapters.1.", "adapters.1.", "adapters.2."),
];

/// SAM 2's memory lies among the other parts there, with a `Sequential` in it: convolution, norm and activation four times.
const MEMORY: [Rewrite; 10] = [
    ("memory.", "convs.0.", "encoder.0."),
    ("memory.", "norms.0.", "encoder.1."),
    ("memory.", "convs.1.", "encoder.3."),
    ("memory.", "norms.1.", "encoder.4."),
    ("memory.", "convs.2.", "encoder.6."),
    ("memory.", "norms.2.", "encoder.7."),
    ("memory.", "convs.3.", "encoder.9."),
    ("memory.", "norms.3.", "encoder.10."),
    ("memory.", "mask_downsampler.out.", "mask_downsampler.encoder.12."),
    ("memory.", "memory.", ""),
];

/// The first of the two adapters. It is translated before the second one, because its name here is what the second is called there.
const FIRST_CHANNEL_ADAPTER: Rewrite = ("prompt_predictor.channel_adapters.0.", "adapters.0.", "adapters.1.");

/// A projection without LoRA is a plain linear layer elsewhere.
const PLAIN_PROJECTION: [Rewrite; 2] = [("", "q_proj.linear.", "q_proj."), ("", "v_proj.linear.", "v_proj.")];
/// The reference wraps the projections it adapts.
const LORA_PROJECTION: [Rewrite; 2] = [("", "q_proj.linear.", "q_proj.proj."), ("", "v_proj.linear.", "v_proj.proj.")];

/// SAM's own transformer names the two layers of its MLP; SAM 2's numbers them.
const SAM_MLP: [Rewrite; 2] = [
    ("mask_decoder.transformer.", "mlp.layers.0.", "mlp.lin1."),
    ("mask_decoder.transformer.", "mlp.layers.1.", "mlp.lin2."),
];
/// A head of one layer is that layer.
const LINEAR_HEAD: Rewrite = ("mask_decoder.pred_obj_score_head.", "head.layers.0.", "head.");
/// The `linear` predictor is its one block.
const LINEAR_PREDICTOR: Rewrite = ("prompt_predictor.layers.0.", "layers.0.", "");

/// Names that take no part in segmenting a single picture: SAM 2's memory (which a network may be built without; `no_mem_pos_enc`
/// has no use in any), classification heads, counters, what is computed, and second names of the same storage.
const IGNORED: [&str; 15] = [
    "memory.",
    "memory_attention.",
    "memory_encoder.",
    "maskmem_tpos_enc",
    "no_mem_pos_enc",
    "no_obj_ptr",
    "no_obj_embed_spatial",
    "mask_downsample.",
    "obj_ptr_proj.",
    "obj_ptr_tpos_proj.",
    "prompt_sampler.prompt_learner.prompt_encoder.",
    "prompt_sampler.prompt_learner.pos_encoding",
    "image_encoder.norm_head.",
    "image_encoder.head.",
    "pixel_",
];

/// Whether a file may hold the name without our having a place for it. `name` is without the file's prefix.
pub fn is_ignored(name: &str) -> bool {
    let plain = name.replace("image_encoder.net.", "image_encoder.");
    name.ends_with(".num_batches_tracked") || IGNORED.iter().any(|ignored| plain.starts_with(ignored))
}

/// Whether our `name` is of the prompt predictor or the learnt prompts: a file has all of them or none.
pub fn is_of_prompt_predictor(name: &str) -> bool {
    name.starts_with("prompt_predictor.") || name == "learnable_prompts"
}

/// Whether our `name` is of the object score: a file has all of its weights or none.
pub fn is_of_object_score(name: &str) -> bool {
    name.starts_with("mask_decoder.obj_score_token.") || name.starts_with("mask_decoder.pred_obj_score_head.")
}

/// The name that `naming` has for our `name` in the network of `config`.
pub fn source_name(naming: Naming, config: &Sam2RadConfig, name: &str) -> String {
    if naming == Naming::Sam2Rad {
        return name.to_owned();
    }
    let is_sam2 = config.mask_decoder.high_res_features;
    let mut rewrites: Vec<Rewrite> = [SEQUENTIALS.as_slice(), MEMORY.as_slice()].concat();
    rewrites.push(FIRST_CHANNEL_ADAPTER);
    let lora = config.mask_decoder.lora_rank > 0 && name.starts_with("mask_decoder.");
    rewrites.extend(if lora { LORA_PROJECTION } else { PLAIN_PROJECTION });
    if !is_sam2 {
        rewrites.extend(SAM_MLP);
    }
    if !config.mask_decoder.pred_obj_scores_mlp {
        rewrites.push(LINEAR_HEAD);
    }
    if config.prompt_predictor.depth == 1 {
        rewrites.push(LINEAR_PREDICTOR);
    }
    let scoped = rewrites.iter().filter(|(scope, ..)| name.starts_with(scope));
    let name = scoped.fold(name.to_owned(), |name, (_, ours, theirs)| name.replacen(ours, theirs, 1));

    let (part, rest) = name.split_once('.').unwrap_or((&name, ""));
    match (naming, part) {
        (Naming::Reference, "image_encoder") => {
            // Adapters stand beside the net they adapt; a plain SAM ViT is the encoder itself.
            let bare = matches!(config.image_encoder.backbone, Backbone::Vit(_)) && !config.image_encoder.adapter;
            if bare || rest.starts_with("adapters.") { name } else { format!("image_encoder.net.{rest}") }
        }
        (Naming::Reference, "prompt_encoder") => format!("prompt_sampler.prompt_encoder.{rest}"),
        (Naming::Reference, "prompt_predictor") => format!("prompt_sampler.prompt_learner.{rest}"),
        (Naming::Reference, "mask_decoder") if is_sam2 => format!("sam_mask_decoder.net.{rest}"),
        (Naming::Reference, "mask_decoder") => format!("mask_decoder.net.{rest}"),
        (Naming::Sam2, "prompt_encoder" | "mask_decoder") => format!("sam_{name}"),
        _ => name,
    }
}
