//! `sam2rad convert`.

use burn::tensor::Device;
use clap::Args;
use sam2rad::checkpoint::{Checkpoint, Description, Dtype, LoadOptions, MemorySource, merge_lora, write_model_file};
use std::error::Error;
use std::path::PathBuf;

use super::{choice::one_of, model};

/// Turn any supported checkpoint into a model file that describes itself.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Convert {
    /// A .safetensors, .pt, .pth or .ckpt file
    input: PathBuf,
    /// The model file to write, .safetensors
    output: PathBuf,
    /// Number type of the weights: q8 is 8-bit in blocks of 32 with an f16 scale
    #[arg(long, value_parser = one_of(&Dtype::ALL, Dtype::name), default_value = "f16")]
    dtype: Dtype,
    /// Add the LoRA updates to the weights they update
    #[arg(long)]
    merge_lora: bool,
    /// Side of the network's input in pixels (256, 512 or 1024), where the file does not say it
    #[arg(long)]
    image_size: Option<usize>,
    /// Names of the structures, in the order of their prompts
    #[arg(long = "structure")]
    structures: Vec<String>,
    /// Which prompts to take where a trainer's checkpoint has several
    #[arg(long)]
    dataset: Option<String>,
    /// Where the weights come from
    #[arg(long, default_value = "")]
    provenance: String,
    /// Under which licence they are
    #[arg(long, default_value = "")]
    licence: String,
    /// What they were trained on: shown with every result
    #[arg(long, default_value = "")]
    training_data: String,
    /// When they were made, YYYY-MM-DD
    #[arg(long, default_value = "")]
    date: String,
}

const EXAMPLES: &str = "Examples:
  A checkpoint of the reference's trainer for the browser, at a quarter of its size:
      sam2rad convert last.ckpt wrist.safetensors --dtype q8 --merge-lora --structure radius
  SAM 2 as its authors published it, for points, boxes and strokes:
      sam2rad convert sam2.1_hiera_tiny.pt sam2.1_tiny.safetensors";

impl Convert {
    /// Reads, converts and writes.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        if self.output.canonicalize().is_ok_and(|there| self.input.canonicalize().ok() == Some(there)) {
            return Err(format!("{}: the input would be replaced; choose another output", self.output.display()).into());
        }
        let checkpoint = Checkpoint::open(&self.input)?;
        let mut options = LoadOptions::default();
        options.image_size = self.image_size;
        options.structures = Some(self.structures.len()).filter(|&count| count > 0);
        options.dataset = self.dataset;
        let mut weights = checkpoint.prepare(&options, &Device::flex())?;
        let (named, has) = (self.structures.len(), weights.config.structures);
        if named > has {
            return Err(format!("--structure names {named} structures, and the file has prompts for {has}").into());
        }
        if self.merge_lora && weights.config.mask_decoder.lora_rank == 0 {
            return Err("--merge-lora: the file has no LoRA updates; leave it out".into());
        }
        let description = Description {
            structures: self.structures,
            provenance: self.provenance,
            licence: self.licence,
            training_data: self.training_data,
            date: self.date,
        };
        let mut card = description.card(&weights.config, Some(&weights.card), self.dtype);
        if self.merge_lora {
            let mut tensors = MemorySource::read_all(&mut weights)?;
            card.architecture = merge_lora(&mut tensors, &card.architecture);
            write_model_file(&self.output, &card, &mut tensors)?;
        } else {
            write_model_file(&self.output, &card, &mut weights)?;
        }
        let size = std::fs::metadata(&self.output)?.len();
        println!(
            "{}: {} at {} px, {:.1} MB",
            self.output.display(),
            card.architecture,
            card.image_size,
            size as f64 / 1e6
        );
        if weights.is_size_assumed {
            println!("note: {}", model::size_note(card.image_size));
        }
        if !card.parts.prompt_predictor {
            println!(
                "it has no prompt predictor: it answers in manual mode, to points, boxes and strokes, until it is trained"
            );
        }
        Ok(())
    }
}
