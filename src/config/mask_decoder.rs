//! Every mask decoder as a row of a table.

/// A row of the mask decoder table.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct MaskDecoderConfig {
    /// The reference's registry name.
    pub name: &'static str,
    /// SAM 2's decoder: high-resolution features in the upscaler, IoU through a sigmoid.
    pub high_res_features: bool,
    /// Rank of the LoRA on q and v of every attention; 0 for none.
    pub lora_rank: usize,
    /// The object-score head is a three-layer MLP (else one linear layer).
    pub pred_obj_scores_mlp: bool,
}

/// Mask decoders: the reference's `build_decoder.py`; ranks from its two `build_model.py`.
pub const MASK_DECODERS: [MaskDecoderConfig; 5] = [
    MaskDecoderConfig { name: "sam_mask_decoder", high_res_features: false, lora_rank: 0, pred_obj_scores_mlp: false },
    MaskDecoderConfig { name: "lora_mask_decoder", high_res_features: false, lora_rank: 32, pred_obj_scores_mlp: true },
    // What `lora_mask_decoder` becomes when its LoRA is merged: the reference has no name for it.
    MaskDecoderConfig {
        name: "merged_lora_mask_decoder",
        high_res_features: false,
        lora_rank: 0,
        pred_obj_scores_mlp: true,
    },
    MaskDecoderConfig { name: "sam2_mask_decoder", high_res_features: true, lora_rank: 0, pred_obj_scores_mlp: true },
    MaskDecoderConfig {
        name: "sam2_lora_mask_decoder",
        high_res_features: true,
        lora_rank: 8,
        pred_obj_scores_mlp: true,
    },
];
