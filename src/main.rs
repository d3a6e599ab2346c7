//! The `sam2rad` command.

mod cli;

use clap::Parser;
use std::process::ExitCode;

/// Each layer's output is new memory, some of it of 16 MB and more: the system's allocator would ask the kernel for zeroed pages every
/// time, which is a fifth of the prompt predictor's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
