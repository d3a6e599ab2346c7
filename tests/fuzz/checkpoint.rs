//! The readers of our own files and of PyTorch's, on small files.

use burn::tensor::Device;
use proptest::prelude::*;
use sam2rad::checkpoint::{
    Checkpoint, CheckpointError, Dtype, LoadOptions, MemorySource, ModelFileReader, PytorchSource, TensorSource,
    write_model_file,
};
use std::sync::LazyLock;

use super::{card::card, damage, damaged, memory::most_held, micro::micro, torch_file::zip_checkpoint};

/// The names and shapes of a small header take some kilobytes; what the tensors take follows from the file.
fn bound(bytes: &[u8]) -> usize {
    (256 << 10) + 64 * bytes.len()
}

/// A model file with two small tensors.
static MODEL_FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut tensors = MemorySource::default();
    tensors.insert("a.weight", vec![4, 9], (0..36).map(|i| i as f32).collect());
    tensors.insert("a.bias", vec![4], vec![0.5; 4]);
    let config = micro();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    write_model_file(&path, &card(&config, Dtype::Q8), &mut tensors).unwrap();
    std::fs::read(path).unwrap()
});

/// Opens a checkpoint, reads everything it has and loads it.
fn read_checkpoint(checkpoint: Result<Checkpoint, CheckpointError>) {
    let Ok(checkpoint) = checkpoint else { return };
    let options = LoadOptions::at(256);
    let _ = checkpoint.load(&options, &Device::flex());
}

fn read_model_file(bytes: &[u8], piece: usize) {
    let mut reader = ModelFileReader::default();
    if bytes.chunks(piece).try_for_each(|piece| reader.push(piece)).is_ok() {
        read_checkpoint(reader.finish().map(Checkpoint::from));
    }
}

fn read_pytorch(bytes: &[u8]) {
    read_checkpoint(Checkpoint::from_bytes(bytes.to_vec()));
    let Ok(mut source) = PytorchSource::from_bytes(bytes.to_vec()) else { return };
    let names: Vec<_> = source.shapes().keys().cloned().collect();
    for name in names {
        let _ = source.read(&name);
    }
}

proptest! {
    #[test]
    fn random_bytes_are_read_or_refused(noise in prop::collection::vec(any::<u8>(), 1..400), start in 0..3usize) {
        let length = (noise.len() as u64).to_le_bytes();
        // Alone, as a header of safetensors, and as a pickle.
        let bytes = [[&[][..], &[]], [&length, b"{"], [&[0x80, 2], b"}"]][start].concat();
        let bytes = [bytes, noise].concat();
        let held = most_held(|| {
            read_model_file(&bytes, bytes.len());
            read_pytorch(&bytes);
        });
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }

    #[test]
    fn a_damaged_model_file_is_read_or_refused(damage in damage(), piece in 1..97usize) {
        let bytes = damaged(&MODEL_FILE, &damage);
        let held = most_held(|| read_model_file(&bytes, piece));
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }

    #[test]
    fn a_damaged_pytorch_file_is_read_or_refused(damage in damage()) {
        let bytes = damaged(&zip_checkpoint(&[1.0; 40]), &damage);
        let held = most_held(|| read_pytorch(&bytes));
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }
}
