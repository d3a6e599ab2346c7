//! `sam2rad train`.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sam2rad::checkpoint::Checkpoint;
use sam2rad::train::{EXAMPLE, End, Event, StartFile, TrainConfig, Trainable, Trainer};
use std::error::Error;
use std::path::PathBuf;

use super::{choice::one_of, stop};

/// Train a network on labelled pictures or on simulated ultrasound
///
/// Everything about a training is in one TOML file; `--example-config` prints one with every key explained. The folder of
/// `--out` then has
///   model.safetensors    the best network so far, a model file for every other command
///   losses.csv, validation.csv, curves.png
///   overlays/            validation pictures, the truth on the left and the answer on the right
///   checkpoint/          what `--resume` goes on from, to the same curve as without a stop
/// Ctrl-C and SIGTERM stop after the step at hand and write a checkpoint; a second one ends the program at once.
#[derive(Args)]
#[command(after_help = EXAMPLES, verbatim_doc_comment)]
pub struct Train {
    /// The TOML file
    #[arg(long, required_unless_present = "example_config")]
    config: Option<PathBuf>,
    /// Folder for what is written
    #[arg(long, required_unless_present = "example_config")]
    out: Option<PathBuf>,
    /// What is trainable, in place of the file's `mode`: everything (scratch); prompt predictor, prompts, adapters and LoRA decoder,
    /// as in the paper (peft); prompt predictor, prompts and mask decoder (decoder); prompt predictor, prompts and object score
    /// (ppn-only)
    #[arg(long, value_parser = one_of(&Trainable::ALL, Trainable::name))]
    mode: Option<Trainable>,
    /// Which learnt prompts to start from, where a trainer's checkpoint has several, in place of the file's `dataset`
    #[arg(long)]
    dataset: Option<String>,
    /// Go on from the checkpoint in the folder
    #[arg(long)]
    resume: bool,
    /// Print a configuration with every key explained
    #[arg(long, exclusive = true)]
    example_config: bool,
}

const EXAMPLES: &str = "Examples:
  A small network from nothing, on simulated pictures of the hip:
      sam2rad train --example-config > hip.toml
      sam2rad train --config hip.toml --out runs/hip
  Stopped? Go on:
      sam2rad train --config hip.toml --out runs/hip --resume
  Ten labelled pictures and SAM 2's weights: set model.init, and data.source = \"folder\", then
      sam2rad train --config wrist.toml --out runs/wrist --mode ppn-only";

impl Train {
    /// Trains, resumes, or prints the example.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let (Some(config), Some(out)) = (&self.config, &self.out) else {
            print!("{EXAMPLE}");
            return Ok(());
        };
        let mut config = TrainConfig::read(config)?;
        config.mode = self.mode.unwrap_or(config.mode);
        if self.dataset.is_some() && config.model.init == "scratch" {
            return Err("--dataset chooses prompts of a checkpoint, and this training starts from none".into());
        }
        config.model.dataset = self.dataset.or(config.model.dataset);
        let file = match config.model.init.as_str() {
            "scratch" => None,
            path => {
                let path = PathBuf::from(path);
                let checkpoint = Checkpoint::open(&path)?;
                Some(StartFile { name: path.file_name().unwrap_or_default().to_string_lossy().into(), checkpoint })
            }
        };
        let steps = config.steps as u64;
        let mut trainer = Trainer::new(config, file, out, self.resume)?;
        println!("{}", trainer.summary());

        let stop = stop::flag()?;
        let style = ProgressStyle::with_template("{bar:24} step {pos}/{len}, {eta} left, {msg}")?;
        let progress = ProgressBar::new(steps).with_style(style);
        let names: Vec<String> = trainer.data().structures.iter().map(|structure| structure.name.clone()).collect();
        let mut watch = |event: Event| match event {
            Event::Step { step, losses, learning_rate } => {
                let text = format!("loss {:.3}, dice loss {:.3}, rate {learning_rate:.1e}", losses.total, losses.dice);
                progress.set_message(text);
                progress.set_position(step as u64);
            }
            Event::Row(row) => {
                let text = format!(
                    "step {}: loss {:.3} = dice {:.3}, focal {:.4}, box {:.3}, object {:.3}, interim {:.4}, IoU {:.4}; gradient {:.2}; {:.2} pictures/s",
                    row.step,
                    row.total,
                    row.dice,
                    row.focal,
                    row.bounding_box,
                    row.object,
                    row.interim,
                    row.iou,
                    row.gradient_norm,
                    row.pictures_per_second
                );
                if progress.is_hidden() {
                    println!("{text}");
                }
            }
            Event::Validation { step, scores, is_best } => {
                let figure = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
                let dice = names.iter().zip(&scores.dice).map(|(name, dice)| format!("{name} {}", figure(*dice)));
                let dice = dice.collect::<Vec<_>>().join(", ");
                let (presence, best) = (figure(scores.presence_accuracy), if is_best { " (best so far)" } else { "" });
                let text = format!("step {step}: Dice {dice}; presence {presence}{best}");
                progress.suspend(|| println!("{text}"));
            }
        };
        // On a thread of the pool: from outside, every kernel would be handed over to it and waited for.
        let end = rayon::scope(|_| trainer.run(&stop, &mut watch))?;
        progress.finish_and_clear();
        println!(
            "{}: {}",
            out.display(),
            match end {
                End::Finished => "done; the network is in model.safetensors",
                End::NoLongerBetter => "ended, as the Dice no longer rose; the network is in model.safetensors",
                End::Stopped => "stopped; go on with --resume",
            }
        );
        Ok(stop::end_if_stopped(&stop)?)
    }
}
