//! Parity with the reference: every tensor of every golden file, within the bar of `shared/golden/README.md`.
//!
//! Reads the files of the folder that `SAM2RAD_GOLDEN_DIR` names, else `../shared/golden`, else the small ones in
//! `tests/fixtures/golden`. The network is built from each file's `spec`, so a further set needs no change here.

mod file;
mod formula;
mod run;

use std::path::PathBuf;

/// The folder with the vectors.
fn golden_dir() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let shared = here.join("../shared/golden");
    match std::env::var_os("SAM2RAD_GOLDEN_DIR") {
        Some(dir) => dir.into(),
        None if shared.is_dir() => shared,
        None => here.join("tests/fixtures/golden"),
    }
}

#[test]
fn every_tensor_is_within_a_small_multiple_of_pytorchs_own_noise() {
    let files = file::read_folder(&golden_dir());
    assert!(!files.is_empty(), "no golden files in {}", golden_dir().display());
    let mut failures = Vec::new();
    println!(
        "{:28} {:44} {:>9} {:>9} {:>9} {:>9} {:>5}",
        "config", "worst tensor", "max", "bar", "rms", "bar", "of it"
    );
    for golden in &files {
        let tensors = run::run(golden);
        let mut comparisons: Vec<_> = golden.tensors().map(|expected| expected.compare(&tensors)).collect();
        comparisons.sort_by(|a, b| b.of_bar().total_cmp(&a.of_bar()));
        let worst = comparisons.first().expect("a golden file has tensors");
        println!("{:28} {worst}", golden.config());
        failures.extend(comparisons.iter().filter(|c| c.of_bar() > 1.0).map(|c| format!("{:28} {c}", golden.config())));
    }
    assert!(failures.is_empty(), "{} tensors over their bar:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_picture_of_the_formula_is_the_goldens() {
    for golden in file::read_folder(&golden_dir()) {
        let size = golden.size();
        let picture = formula::picture(golden.salt(), size);
        let means = picture.chunks(size).map(|row| row.iter().map(|&grey| f64::from(grey)).sum::<f64>() / size as f64);
        for (row, (found, expected)) in means.zip(golden.values("image_u8_rowmean")).enumerate() {
            assert!((found - f64::from(*expected)).abs() < 1e-3, "{} row {row}: {found} {expected}", golden.config());
        }
    }
}
