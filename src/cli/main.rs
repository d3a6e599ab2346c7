//! The `sam2rad` command: a file for each subcommand.

mod beat;
mod choice;
mod cine;
mod convert;
mod eval;
mod frames;
mod info;
mod inputs;
mod model;
mod phantom;
mod prompts;
mod results;
mod segment;
mod stop;
mod track;
mod track_prompts;
mod train;

use clap::{Parser, Subcommand};
use sam2rad::picture;
use std::error::Error;
use std::process::ExitCode;

/// Each layer's output is new memory, some of it of 16 MB and more: the system's allocator would ask the kernel for zeroed pages every
/// time, which is a fifth of the prompt predictor's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sam2Rad: promptless segmentation of ultrasound.
///
/// Research and teaching only: not a medical device.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  What is in this file?
      sam2rad info sam2_hiera_tiny.pt
  A checkpoint of the reference's trainer as a model file for the browser, at a quarter of its size:
      sam2rad convert last.ckpt wrist.safetensors --dtype q8 --merge-lora --structure radius
  Segment a folder of pictures:
      sam2rad segment --model wrist.safetensors pictures/ --out masks/
  Help it with a box (left,top,right,bottom in pixels):
      sam2rad segment --model wrist.safetensors a.png --out masks/ --mode semi-autonomous --box 40,60,300,220
  Follow a structure through a cine from a box on one of its frames (prompts.json says which, see `sam2rad track --help`):
      sam2rad track --model sam2.1_hiera_tiny.pt frames/ --prompts prompts.json --out masks/
  Train a small network on simulated pictures:
      sam2rad train --example-config > hip.toml
      sam2rad train --config hip.toml --out runs/hip";

#[derive(Subcommand)]
enum Command {
    /// Say what a checkpoint or model file holds, or what this machine computes on
    Info(info::Info),
    /// Turn any supported checkpoint into a model file
    Convert(convert::Convert),
    /// Segment pictures: masks, overlays and measurements
    Segment(segment::Segment),
    /// Follow structures through a cine
    Track(track::Track),
    /// Train a network on labelled pictures or on simulated ultrasound
    Train(Box<train::Train>),
    /// Simulate labelled ultrasound pictures, or a cine of a moving probe
    Phantom(phantom::PhantomCommand),
    /// Judge a model on labelled pictures, with and without simulated help
    Eval(eval::Eval),
}

impl Cli {
    fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            Command::Info(info) => info.run(),
            Command::Convert(convert) => convert.run(),
            Command::Segment(segment) => segment.run(),
            Command::Track(track) => track.run(),
            Command::Train(train) => train.run(),
            Command::Phantom(phantom) => phantom.run(),
            Command::Eval(eval) => eval.run(),
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
