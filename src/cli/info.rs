//! `sam2rad info`.

use clap::Args;
use sam2rad::checkpoint::Checkpoint;
use std::error::Error;
use std::path::PathBuf;

/// Say what a checkpoint or model file holds; without one, what this machine computes on.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Info {
    /// A .safetensors, .pt, .pth or .ckpt file
    file: Option<PathBuf>,
    /// Which prompts to look at where a trainer's checkpoint has several
    #[arg(long)]
    dataset: Option<String>,
}

const EXAMPLES: &str = "Examples:
  Which network is this, and what does it need to be used?
      sam2rad info sam2_hiera_tiny.pt
  A trainer's checkpoint with prompts for several datasets:
      sam2rad info last.ckpt --dataset wrist";

impl Info {
    /// Prints it.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let Some(file) = &self.file else {
            print_devices();
            return Ok(());
        };
        let checkpoint = Checkpoint::open(file)?;
        let found = checkpoint.detect(self.dataset.as_deref())?;
        let shapes = checkpoint.shapes();
        let values: usize = shapes.values().map(|shape| shape.iter().product::<usize>()).sum();
        let predictor = match found.parts.prompt_predictor {
            true => found.architecture.prompt_predictor.as_str(),
            false => "none: it answers in manual mode, to points, boxes and strokes, until it is trained",
        };
        println!("image encoder     {}", found.architecture.image_encoder);
        println!("prompt predictor  {predictor}");
        println!("mask decoder      {}", found.architecture.mask_decoder);
        println!("object score      {}", if found.parts.object_score { "yes" } else { "none" });
        println!("names             {:?}{}", found.naming, prefix(&found.prefix));
        println!("tensors           {} with {values} values", shapes.len());
        if let (Some(structures), Some(tokens)) = (found.structures, found.tokens) {
            println!("learnt prompts    {structures} structures, {tokens} tokens each");
        }
        match (checkpoint.card(), checkpoint.image_size(None)) {
            (Some(card), _) => println!("{}", serde_json::to_string_pretty(card)?),
            (None, Ok(size)) if found.image_size.is_some() => println!("image size        {size}"),
            (None, Ok(size)) => println!("image size        {size}, as the published network"),
            (None, Err(_)) => println!("image size        not in the file: convert it with --image-size"),
        }
        Ok(())
    }
}

/// The processor's threads and the graphics adapters.
fn print_devices() {
    println!("cpu  {} threads", std::thread::available_parallelism().map_or(1, usize::from));
    #[cfg(feature = "gpu")]
    for adapter in burn::tensor::read_sync(sam2rad::gpu::adapters()) {
        println!("gpu  {adapter}");
    }
    #[cfg(not(feature = "gpu"))]
    println!("gpu  none: this sam2rad was built without `--features gpu`");
}

fn prefix(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!(", after `{prefix}`") }
}
