//! DICOM files of the standard's test data, read as pydicom reads them; what is refused, and how; segmentation objects
//! read back. `tests/fixtures/README.md` says where the files are from.

mod cases;
#[path = "../support/memory.rs"]
mod memory;
mod pydicom;
mod refused;
mod robust;
mod segmentation;

use std::path::{Path, PathBuf};

use sam2rad::dicom::DicomFile;

/// A fixture, or a larger file of `../shared/us`, which is not everywhere.
fn path(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [
        root.join("tests/fixtures/dicom"),
        root.join("../shared/us"),
        // A worktree lies one folder deeper.
        root.join("../../shared/us"),
    ];
    places.iter().map(|place| place.join(name)).find(|path| path.exists())
}

/// The bytes of a fixture.
fn read(name: &str) -> Vec<u8> {
    std::fs::read(path(name).unwrap()).unwrap()
}

fn open(name: &str) -> DicomFile {
    DicomFile::open(read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
