//! Opening files of weights, and where a model computes.

use burn::tensor::Device;
use clap::ValueEnum;
use sam2rad::checkpoint::{Checkpoint, LoadOptions};
use sam2rad::segmenter::Segmenter;
use std::error::Error;
use std::path::Path;

/// Where a model computes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// The processor, on all cores
    Cpu,
    /// A graphics card, through Vulkan, Metal or DirectX 12
    Gpu,
}

/// A model file or another checkpoint, ready to segment on a device.
pub fn segmenter_on(path: &Path, device: DeviceName) -> Result<Segmenter, Box<dyn Error>> {
    let segmenter = segmenter(path)?;
    match device {
        DeviceName::Cpu => Ok(segmenter),
        #[cfg(feature = "gpu")]
        DeviceName::Gpu => {
            let gpu = burn::tensor::read_sync(sam2rad::gpu::Gpu::open())?;
            eprintln!("note: computes on {}", gpu.adapter());
            Ok(segmenter.on_gpu(gpu)?)
        }
        #[cfg(not(feature = "gpu"))]
        DeviceName::Gpu => Err("this sam2rad has no kernels for a GPU: build it with `--features gpu`".into()),
    }
}

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
