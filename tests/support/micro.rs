//! The `micro` network with two structures, and how a test names a network.

use sam2rad::config::{Architecture, Sam2RadConfig};

pub fn architecture(image_encoder: &str, mask_decoder: &str, prompt_predictor: &str) -> Architecture {
    let [image_encoder, mask_decoder, prompt_predictor] =
        [image_encoder, mask_decoder, prompt_predictor].map(str::to_owned);
    Architecture { image_encoder, mask_decoder, prompt_predictor, memory: None }
}

pub fn micro() -> Sam2RadConfig {
    Sam2RadConfig::new(architecture("micro", "sam2_mask_decoder", "sam2_high_res_ppn"), 256, 2, 10).unwrap()
}
