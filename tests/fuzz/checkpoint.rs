//! Our own files and PyTorch's.

use burn::tensor::{Device, read_sync};
use proptest::prelude::*;
use sam2rad::checkpoint::{
    Checkpoint, CheckpointError, Dtype, LoadOptions, MemorySource, ModelFileReader, PytorchSource, TensorSource,
    collect, keys, keys::Naming, model_file_bytes, shapes, write_model_file,
};
use sam2rad::config::{Parts, Sam2RadConfig};
use sam2rad::frame::Frame;
use sam2rad::segmenter::{Mode, Request, Segmenter, StructurePrompts};
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{
    card::card,
    damage, damaged, formula,
    memory::most_held,
    micro::{architecture, micro},
    torch_file::zip_checkpoint,
};

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
    let options = LoadOptions { image_size: Some(256), ..LoadOptions::default() };
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

/// A model file that loads: `micro`, 8-bit, and the length of its header.
static LOADABLE: LazyLock<(Vec<u8>, usize)> = LazyLock::new(|| {
    let config = micro();
    let mut tensors = collect(&formula::network(&config, "fuzz:"));
    let bytes = model_file_bytes(&card(&config, Dtype::Q8), &mut tensors).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (bytes, 8 + header)
});

/// Loads a file and decodes a frame, as it comes.
fn load_and_decode(bytes: Vec<u8>) {
    let Ok(segmenter) = Segmenter::from_bytes(bytes) else { return };
    first_decode(&segmenter);
}

fn first_decode(segmenter: &Segmenter) {
    let frame = segmenter.encode(&Frame::from_grey(20, 30, &[90; 600]).unwrap());
    let request = Request {
        mode: if segmenter.is_manual_only() { Mode::Manual } else { Mode::Autonomous },
        prompts: vec![StructurePrompts { bounding_box: Some([2.0, 2.0, 9.0, 12.0]), ..StructurePrompts::default() }],
        ..Request::default()
    };
    read_sync(segmenter.segment(&frame, &request)).unwrap();
}

/// Names and shapes; all values are zero.
#[derive(Clone)]
struct Shapes(BTreeMap<String, Vec<usize>>);

impl TensorSource for Shapes {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.0
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        Ok(vec![0.0; self.0[name].iter().product()])
    }
}

/// What the authors' own checkpoints of each family have.
static OFFICIAL: LazyLock<[Shapes; 3]> = LazyLock::new(|| {
    [("nano", "sam2_mask_decoder"), ("vit_tiny", "sam_mask_decoder"), ("sam_vit_b", "sam_mask_decoder")].map(
        |(encoder, decoder)| {
            let config = Sam2RadConfig::new(architecture(encoder, decoder, "linear"), 256, 1, 10).unwrap();
            let parts = Parts { prompt_predictor: false, object_score: config.mask_decoder.high_res_features };
            let config = config.with_parts(parts);
            let naming = if encoder == "nano" { Naming::Sam2 } else { Naming::Sam };
            let shapes = shapes(&config.init(&Device::flex())).into_iter();
            Shapes(shapes.map(|(name, shape)| (keys::source_name(naming, &config, &name), shape)).collect())
        },
    )
});

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.div_ceil(8), ..ProptestConfig::default() })]

    #[test]
    fn a_model_file_with_a_damaged_header_is_refused_or_segments(damage in damage()) {
        let (whole, header) = &*LOADABLE;
        let damaged = [damaged(&whole[..*header], &(damage.0, 0)), whole[*header..].to_vec()].concat();
        let held = most_held(|| load_and_decode(damaged));
        // A frame of 256 pixels takes its own.
        prop_assert!(held <= (256 << 20) + 8 * whole.len(), "{held} bytes held");
    }

    #[test]
    fn a_checkpoint_with_other_names_and_shapes_is_refused_or_segments(
        family in 0..3usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(0..600usize, 0..5)), 0..4),
        gone in prop::option::of(any::<prop::sample::Index>()),
        image_size in prop::sample::select(vec![None, Some(0), Some(256), Some(512), Some(1024)]),
    ) {
        let mut source = OFFICIAL[family].clone();
        let names: Vec<_> = source.0.keys().cloned().collect();
        for (name, shape) in &changes {
            source.0.insert(name.get(&names).clone(), shape.clone());
        }
        if let Some(name) = gone {
            source.0.remove(name.get(&names));
        }
        let options = LoadOptions { image_size, ..LoadOptions::default() };
        let Ok(weights) = Checkpoint::new(Box::new(source.clone())).prepare(&options, &Device::flex()) else {
            return Ok(());
        };
        // The others are too large to load by the hundred.
        if family == 0 && weights.config.image_size == 256 {
            first_decode(&Segmenter::load(Checkpoint::new(Box::new(source)), &options, &Device::flex()).unwrap());
        }
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
