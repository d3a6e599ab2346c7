//! Names of Hugging Face's `transformers` (`SamModel`, `Sam2Model`, `Sam2VideoModel`) as the official ones: tables after its
//! `convert_sam_to_hf.py` and `convert_sam2_to_hf.py`, read backwards.

/// Where `transformers` keeps the image encoder; no other naming has it.
pub const IMAGE_ENCODER: &str = "vision_encoder.";
/// The four point embeddings of `Sam2Model`, `[4, dim]`; the official names have one `[1, dim]` for each.
pub const POINT_EMBEDDINGS: &str = "prompt_encoder.point_embed.weight";
/// Their number.
pub const POINT_KINDS: usize = 4;
/// A rewrite: in names that start with the first, the second becomes the third.
type Rewrite = (&'static str, &'static str, &'static str);

/// In both families. The positional encoding's matrix has two names there for one storage, of which a file has either or both.
const BOTH: [Rewrite; 18] = [
    ("shared_image_embedding.", "shared_image_embedding.positional_embedding", POSITIONAL_ENCODING),
    ("prompt_encoder.", "prompt_encoder.shared_embedding.positional_embedding", POSITIONAL_ENCODING),
    ("prompt_encoder.", "mask_embed.conv1.", "mask_downscaling.0."),
    ("prompt_encoder.", "mask_embed.layer_norm1.", "mask_downscaling.1."),
    ("prompt_encoder.", "mask_embed.conv2.", "mask_downscaling.3."),
    ("prompt_encoder.", "mask_embed.layer_norm2.", "mask_downscaling.4."),
    ("prompt_encoder.", "mask_embed.conv3.", "mask_downscaling.6."),
    ("prompt_encoder.point_embed.", "point_embed.", "point_embeddings."),
    ("mask_decoder.", "upscale_conv1.", "output_upscaling.0."),
    ("mask_decoder.", "upscale_layer_norm.", "output_upscaling.1."),
    ("mask_decoder.", "upscale_conv2.", "output_upscaling.3."),
    ("vision_encoder.", "patch_embed.projection.", "patch_embed.proj."),
    ("vision_encoder.", "neck.conv1.", "neck.0."),
    ("vision_encoder.", "neck.layer_norm1.", "neck.1."),
    ("vision_encoder.", "neck.conv2.", "neck.2."),
    ("vision_encoder.", "neck.layer_norm2.", "neck.3."),
    ("", ".layer_norm", ".norm"),
    ("", ".o_proj.", ".out_proj."),
];
const POSITIONAL_ENCODING: &str = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix";

/// SAM's ViT.
const SAM: [Rewrite; 2] = [
    ("vision_encoder.layers.", "vision_encoder.layers.", "image_encoder.blocks."),
    ("", IMAGE_ENCODER, "image_encoder."),
];

/// SAM 2.
const SAM2: [Rewrite; 6] = [
    ("vision_encoder.backbone.", "vision_encoder.backbone.", "image_encoder.trunk."),
    ("", IMAGE_ENCODER, "image_encoder."),
    ("no_memory_embedding", "no_memory_embedding", "no_mem_embed"),
    ("", "mlp.proj_in.", "mlp.layers.0."),
    ("", "mlp.proj_out.", "mlp.layers.1."),
    ("prompt_encoder.", "prompt_encoder.", "sam_prompt_encoder."),
];

/// Heads of three layers. The middle layer's number goes up before the first takes its own.
const HEADS: [&str; 3] = [
    "mask_decoder.iou_prediction_head.",
    "mask_decoder.output_hypernetworks_mlps.",
    "mask_decoder.pred_obj_score_head.",
];
const HEAD: [(&str, &str); 3] =
    [(".layers.0.", ".layers.1."), (".proj_in.", ".layers.0."), (".proj_out.", ".layers.2.")];

/// `Sam2VideoModel`'s memory, which is not read from these files.
const MEMORY: [&str; 7] = [
    "memory_",
    "mask_downsample.",
    "no_memory_positional_encoding",
    "no_object_pointer",
    "object_pointer_proj.",
    "occlusion_spatial_embedding_parameter",
    "temporal_positional_encoding_projection_layer.",
];

/// The official name for one of `transformers`, both without what stands in front; `None` where it is of the memory.
pub fn official_name(name: &str, is_sam2: bool) -> Option<String> {
    if MEMORY.iter().any(|memory| name.starts_with(memory)) {
        return None;
    }
    let rewrite = |name: String, (scope, theirs, official): &Rewrite| match name.starts_with(scope) {
        true => name.replacen(theirs, official, 1),
        false => name,
    };
    let mut official = BOTH.iter().fold(name.to_owned(), rewrite);
    if HEADS.iter().any(|head| official.starts_with(head)) {
        official = HEAD.iter().fold(official, |name, (theirs, official)| name.replacen(theirs, official, 1));
    }
    if !is_sam2 {
        return Some(SAM.iter().fold(official, rewrite));
    }
    official = SAM2.iter().fold(official, rewrite);
    // The neck's convolutions stand in a module of their own.
    if let Some(conv) = official.strip_prefix("image_encoder.neck.convs.") {
        official = format!("image_encoder.neck.convs.{}", conv.replacen('.', ".conv.", 1));
    }
    Some(if official.starts_with("mask_decoder.") { format!("sam_{official}") } else { official })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sam_become_the_official_ones() {
        for (theirs, official) in [
            ("shared_image_embedding.positional_embedding", POSITIONAL_ENCODING),
            ("prompt_encoder.shared_embedding.positional_embedding", POSITIONAL_ENCODING),
            ("vision_encoder.pos_embed", "image_encoder.pos_embed"),
            ("vision_encoder.patch_embed.projection.bias", "image_encoder.patch_embed.proj.bias"),
            ("vision_encoder.layers.3.layer_norm2.weight", "image_encoder.blocks.3.norm2.weight"),
            ("vision_encoder.layers.3.attn.rel_pos_h", "image_encoder.blocks.3.attn.rel_pos_h"),
            ("vision_encoder.neck.layer_norm1.bias", "image_encoder.neck.1.bias"),
            ("prompt_encoder.point_embed.2.weight", "prompt_encoder.point_embeddings.2.weight"),
            ("prompt_encoder.not_a_point_embed.weight", "prompt_encoder.not_a_point_embed.weight"),
            ("prompt_encoder.mask_embed.layer_norm2.weight", "prompt_encoder.mask_downscaling.4.weight"),
            ("mask_decoder.upscale_layer_norm.weight", "mask_decoder.output_upscaling.1.weight"),
            ("mask_decoder.transformer.layers.1.mlp.lin1.weight", "mask_decoder.transformer.layers.1.mlp.lin1.weight"),
            ("mask_decoder.transformer.layers.0.layer_norm4.bias", "mask_decoder.transformer.layers.0.norm4.bias"),
            ("mask_decoder.transformer.layer_norm_final_attn.bias", "mask_decoder.transformer.norm_final_attn.bias"),
            ("mask_decoder.iou_prediction_head.proj_in.bias", "mask_decoder.iou_prediction_head.layers.0.bias"),
            ("mask_decoder.iou_prediction_head.layers.0.bias", "mask_decoder.iou_prediction_head.layers.1.bias"),
            (
                "mask_decoder.output_hypernetworks_mlps.0.layers.0.bias",
                "mask_decoder.output_hypernetworks_mlps.0.layers.1.bias",
            ),
            (
                "mask_decoder.output_hypernetworks_mlps.1.proj_out.bias",
                "mask_decoder.output_hypernetworks_mlps.1.layers.2.bias",
            ),
        ] {
            assert_eq!(official_name(theirs, false).as_deref(), Some(official));
        }
    }

    #[test]
    fn names_of_sam_2_become_the_official_ones() {
        for (theirs, official) in [
            ("no_memory_embedding", "no_mem_embed"),
            ("vision_encoder.backbone.pos_embed_window", "image_encoder.trunk.pos_embed_window"),
            ("vision_encoder.backbone.patch_embed.projection.bias", "image_encoder.trunk.patch_embed.proj.bias"),
            ("vision_encoder.backbone.blocks.2.mlp.proj_in.weight", "image_encoder.trunk.blocks.2.mlp.layers.0.weight"),
            ("vision_encoder.backbone.blocks.2.layer_norm1.bias", "image_encoder.trunk.blocks.2.norm1.bias"),
            ("vision_encoder.backbone.blocks.2.proj.bias", "image_encoder.trunk.blocks.2.proj.bias"),
            ("vision_encoder.neck.convs.3.weight", "image_encoder.neck.convs.3.conv.weight"),
            ("prompt_encoder.mask_embed.conv3.bias", "sam_prompt_encoder.mask_downscaling.6.bias"),
            (
                "mask_decoder.transformer.layers.0.self_attn.o_proj.bias",
                "sam_mask_decoder.transformer.layers.0.self_attn.out_proj.bias",
            ),
            (
                "mask_decoder.transformer.layers.0.mlp.proj_out.bias",
                "sam_mask_decoder.transformer.layers.0.mlp.layers.1.bias",
            ),
            ("mask_decoder.pred_obj_score_head.layers.0.bias", "sam_mask_decoder.pred_obj_score_head.layers.1.bias"),
            ("mask_decoder.conv_s0.weight", "sam_mask_decoder.conv_s0.weight"),
        ] {
            assert_eq!(official_name(theirs, true).as_deref(), Some(official));
        }
        assert_eq!(official_name("memory_encoder.projection.weight", true), None);
    }
}
