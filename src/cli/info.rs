//! `sam2rad info`.

use clap::Args;
use sam2rad::checkpoint::detect;
use std::error::Error;
use std::path::PathBuf;

use super::model;

/// Say what a checkpoint or model file holds.
#[derive(Args)]
pub struct Info {
    /// A .safetensors, .pt, .pth or .ckpt file
    file: PathBuf,
    /// Which prompts to look at where a trainer's checkpoint has several
    #[arg(long)]
    dataset: Option<String>,
}

impl Info {
    /// Prints it.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let (source, card) = model::open(&self.file)?;
        let found = detect(source.shapes(), self.dataset.as_deref())?;
        let values: usize = source.shapes().values().map(|shape| shape.iter().product::<usize>()).sum();
        println!("image encoder     {}", found.architecture.image_encoder);
        println!("prompt predictor  {}", found.architecture.prompt_predictor);
        println!("mask decoder      {}", found.architecture.mask_decoder);
        println!("names             {:?}{}", found.naming, prefix(&found.prefix));
        println!("tensors           {} with {values} values", source.shapes().len());
        match card {
            Some(card) => println!("{}", serde_json::to_string_pretty(&card)?),
            None => match (found.structures, found.tokens) {
                (Some(structures), Some(tokens)) => {
                    println!("learnt prompts    {structures} structures, {tokens} tokens each")
                }
                _ => println!("learnt prompts    none: it needs training before it segments on its own"),
            },
        }
        Ok(())
    }
}

fn prefix(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!(", after `{prefix}`") }
}
