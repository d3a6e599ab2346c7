//! Opening files of weights.

use burn::tensor::Device;
use sam2rad::checkpoint::{Checkpoint, LoadOptions};
use sam2rad::segmenter::Segmenter;
use std::error::Error;
use std::path::Path;

/// A model file or another checkpoint, ready to segment on the CPU.
pub fn segmenter(path: &Path) -> Result<Segmenter, Box<dyn Error>> {
    let device = Device::flex();
    let loaded = Checkpoint::open(path)?.load(&LoadOptions::default(), &device)?;
    if loaded.is_size_assumed {
        eprintln!("note: {}", size_note(loaded.config.image_size));
    }
    Ok(Segmenter::new(loaded.model, loaded.config, loaded.card, device))
}

/// What to say where the image size is only that of the published networks.
pub fn size_note(image_size: usize) -> String {
    format!(
        "taken for the published network, which looks at {image_size} x {image_size} pixels; \
         one that was trained at another size needs `sam2rad convert --image-size`"
    )
}
