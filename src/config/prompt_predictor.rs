//! Every prompt predictor as a row of a table.

/// A row of the prompt predictor table.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PromptPredictorConfig {
    /// The reference's registry name.
    pub name: &'static str,
    /// Channels of the two finer maps, coarse to fine, as the predictor was built for them; `None` for `linear`, which reads
    /// the image embedding alone, and for SAM 2, whose maps follow the prompt dimension.
    pub high_res_channels: Option<usize>,
    /// Number of maps it walks over: 3, or 1 for `linear`.
    pub depth: usize,
    /// Upsampling of the interim mask, to a quarter of the image side.
    pub mask_scale_factor: usize,
}

/// Prompt predictors: the reference's `prompt_learning.py`.
pub const PROMPT_PREDICTORS: [PromptPredictorConfig; 6] = [
    PromptPredictorConfig { name: "linear", high_res_channels: None, depth: 1, mask_scale_factor: 4 },
    PromptPredictorConfig { name: "sam2_high_res_ppn", high_res_channels: None, depth: 3, mask_scale_factor: 1 },
    PromptPredictorConfig {
        name: "sam_vitb_high_res_ppn",
        high_res_channels: Some(768),
        depth: 3,
        mask_scale_factor: 4,
    },
    PromptPredictorConfig {
        name: "sam_vitl_high_res_ppn",
        high_res_channels: Some(1024),
        depth: 3,
        mask_scale_factor: 4,
    },
    PromptPredictorConfig {
        name: "sam_vith_high_res_ppn",
        high_res_channels: Some(1280),
        depth: 3,
        mask_scale_factor: 4,
    },
    PromptPredictorConfig {
        name: "mobile_sam_high_res_ppn",
        high_res_channels: Some(320),
        depth: 3,
        mask_scale_factor: 4,
    },
];
