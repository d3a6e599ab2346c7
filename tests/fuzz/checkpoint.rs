//! Our own files and PyTorch's.

use proptest::prelude::*;
use sam2rad::checkpoint::{
    Dtype, MemorySource, ModelFileReader, PytorchSource, TensorSource, detect, write_model_file,
};
use sam2rad::config::{Architecture, Sam2RadConfig};
use std::sync::LazyLock;

use super::{card::card, damage, damaged, memory::most_held, torch_file::zip_checkpoint};

/// The names and shapes of a small header take some kilobytes; what the tensors take follows from the file.
fn bound(bytes: &[u8]) -> usize {
    (256 << 10) + 64 * bytes.len()
}

/// A model file with two small tensors.
static MODEL_FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut tensors = MemorySource::default();
    tensors.insert("a.weight", vec![4, 9], (0..36).map(|i| i as f32).collect());
    tensors.insert("a.bias", vec![4], vec![0.5; 4]);
    let architecture = Architecture {
        image_encoder: "micro".into(),
        mask_decoder: "sam2_mask_decoder".into(),
        prompt_predictor: "sam2_high_res_ppn".into(),
    };
    let config = Sam2RadConfig::new(architecture, 256, 2, 10).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    write_model_file(&path, &card(&config, Dtype::Q8), &tensors).unwrap();
    std::fs::read(path).unwrap()
});

/// Reads everything a source has, as loading would.
fn read_every_tensor(mut source: impl TensorSource) {
    let _ = detect(source.shapes(), None);
    let names: Vec<_> = source.shapes().keys().cloned().collect();
    for name in names {
        let _ = source.read(&name);
    }
}

fn read_model_file(bytes: &[u8], piece: usize) {
    let mut reader = ModelFileReader::default();
    if bytes.chunks(piece).try_for_each(|piece| reader.push(piece)).is_ok() {
        let _ = reader.finish().map(read_every_tensor);
    }
}

fn read_pytorch(bytes: &[u8]) {
    let _ = PytorchSource::from_bytes(bytes.to_vec()).map(read_every_tensor);
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
