//! Parity with the reference in double precision: the same code, the same vectors, without rounding in the way.
//!
//! Some chains of the formula's networks are chaotic: in f32 they multiply a rounding error by up to 10^5, PyTorch's as well as
//! ours, and a bar that is a multiple of one draw of PyTorch's noise is then a matter of luck, above all for tensors of one
//! value. In double precision nothing is left to luck: every tensor of every file is within its bar, by a wide margin. (What
//! remains comes from the position encodings, which the reference computes in f32 even then.)

#[path = "../golden/file.rs"]
mod file;
#[path = "../golden/formula.rs"]
mod formula;
#[path = "../golden/run.rs"]
mod run;
#[path = "../golden/video.rs"]
mod video;

use burn::tensor::{Device, FloatDType};

#[test]
fn in_double_precision_every_tensor_is_the_references() {
    Device::flex().configure(FloatDType::F64).unwrap();
    let files = file::read_folder(&file::golden_dir());
    file::assert_found(files.len());
    let mut failures = Vec::new();
    println!("{:28} {}", "config", file::Comparison::HEADER);
    for golden in &files {
        let tensors = run::run(golden);
        let mut comparisons: Vec<_> = golden.tensors().map(|expected| expected.compare(&tensors)).collect();
        comparisons.sort_by(|a, b| b.of_bar().total_cmp(&a.of_bar()));
        println!("{:28} {}", golden.config(), comparisons[0]);
        failures.extend(comparisons.iter().filter(|c| c.of_bar() > 1.0).map(|c| format!("{:28} {c}", golden.config())));
    }
    for video in video::read_folder(&file::golden_dir()) {
        let comparisons = video.compare();
        println!("{:28} {}", video.config(), comparisons[0]);
        failures.extend(comparisons.iter().filter(|c| c.of_bar() > 1.0).map(|c| format!("{:28} {c}", video.config())));
    }
    assert!(failures.is_empty(), "{} tensors differ:\n{}", failures.len(), failures.join("\n"));
}
