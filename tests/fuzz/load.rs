//! Files that would load, damaged: each is refused, or it loads and segments a frame.

use burn::tensor::{Device, read_sync};
use proptest::prelude::*;
use proptest::sample::Index;
use sam2rad::checkpoint::{
    Checkpoint, CheckpointError, Dtype, LoadOptions, ModelFileReader, TensorSource, collect, keys, keys::Naming,
    model_file_bytes, shapes,
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
    torch_file::{Entry, torch_zip},
};

/// What the thread that loads a file may hold beside eight times its size.
const ROOM: usize = 256 << 20;

/// Fewer than of the readers' tests, for a file that loads takes a tenth of a second; as many as are asked for.
fn few() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { 32 };
    ProptestConfig { cases, ..config }
}

/// The network that the authors of SAM 2 have, in small.
fn bare(config: Sam2RadConfig) -> Sam2RadConfig {
    let object_score = config.mask_decoder.high_res_features;
    config.with_parts(Parts { prompt_predictor: false, object_score })
}

/// Header and data of two model files: all parts in 8 bits, and a network without a prompt predictor in half precision.
static MODEL_FILES: LazyLock<[(Vec<u8>, Vec<u8>); 2]> = LazyLock::new(|| {
    [(micro(), Dtype::Q8), (bare(micro()), Dtype::F16)].map(|(config, dtype)| {
        let mut tensors = collect(&formula::network(&config, "fuzz:"));
        let mut header = model_file_bytes(&card(&config, dtype), &mut tensors).unwrap();
        let length = u64::from_le_bytes(header[..8].try_into().unwrap()) as usize;
        let data = header.split_off(8 + length);
        (header, data)
    })
});

/// A checkpoint as SAM 2's authors publish it, and where its pickle ends.
static PYTORCH_FILE: LazyLock<(Vec<u8>, usize)> = LazyLock::new(|| {
    let mut source = formula::official(&bare(micro()), "fuzz:");
    let tensors: Vec<_> = source.shapes().clone().into_iter().collect();
    let entries: Vec<_> =
        tensors.iter().enumerate().map(|(i, (name, shape))| Entry::whole(format!("model.{name}"), shape, i)).collect();
    let values: Vec<_> = tensors.iter().map(|(name, _)| source.read(name).unwrap()).collect();
    let bytes = torch_zip(&entries, &values, "cpu", None);
    let second = bytes.windows(4).skip(1).position(|mark| mark == b"PK\x03\x04").unwrap();
    (bytes, second)
});

fn load_model_file(header: &[u8], data: &[u8]) {
    let mut reader = ModelFileReader::default();
    // The header first: most damaged ones are refused before the data is looked at.
    if reader.push(header).and_then(|()| reader.push(data)).is_ok()
        && let Ok(file) = reader.finish()
    {
        load(file.into(), &LoadOptions::default());
    }
}

fn load(checkpoint: Checkpoint, options: &LoadOptions) {
    if let Ok(segmenter) = Segmenter::load(checkpoint, options, &Device::flex()) {
        first_decode(&segmenter);
    }
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

/// Some of a header's numbers replaced, its length set anew.
fn renumbered(header: &[u8], changes: &[(Index, &str)]) -> Vec<u8> {
    let text = &header[8..];
    let starts = (0..text.len()).filter(|&i| text[i].is_ascii_digit() && (i == 0 || !text[i - 1].is_ascii_digit()));
    let starts: Vec<_> = starts.collect();
    let changes: BTreeMap<_, _> = changes.iter().map(|(at, number)| (*at.get(&starts), *number)).collect();
    let (mut out, mut read) = (Vec::new(), 0);
    for (at, number) in changes {
        out.extend_from_slice(&text[read..at]);
        out.extend_from_slice(number.as_bytes());
        read = at + text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    out.extend_from_slice(&text[read..]);
    [(out.len() as u64).to_le_bytes().to_vec(), out].concat()
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
            let config = bare(Sam2RadConfig::new(architecture(encoder, decoder, "linear"), 256, 1, 10).unwrap());
            let naming = if encoder == "nano" { Naming::Sam2 } else { Naming::Sam };
            let shapes = shapes(&config.init(&Device::flex())).into_iter();
            Shapes(shapes.map(|(name, shape)| (keys::source_name(naming, &config, &name), shape)).collect())
        },
    )
});

proptest! {
    #![proptest_config(few())]

    #[test]
    fn a_model_file_with_a_damaged_header_is_refused_or_segments(which in 0..2usize, damage in damage()) {
        let (header, data) = &MODEL_FILES[which];
        let damaged = damaged(header, &(damage.0, 0));
        let held = most_held(|| load_model_file(&damaged, data));
        prop_assert!(held <= ROOM + 8 * data.len(), "{held} bytes held");
    }

    #[test]
    fn a_model_file_with_other_numbers_in_its_header_is_refused_or_segments(
        which in 0..2usize,
        changes in prop::collection::vec(
            (any::<Index>(), prop::sample::select(&["0", "1", "2", "10", "255", "256", "512", "1024", "65536",
                "4294967296", "18446744073709551615", "-1", "1e300"][..])),
            1..3,
        ),
    ) {
        let (header, data) = &MODEL_FILES[which];
        let damaged = renumbered(header, &changes);
        let held = most_held(|| load_model_file(&damaged, data));
        prop_assert!(held <= ROOM + 8 * data.len(), "{held} bytes held");
    }

    #[test]
    fn a_pytorch_file_with_a_damaged_pickle_or_directory_is_refused_or_segments(damage in damage(), in_pickle in any::<bool>()) {
        let (whole, pickle) = &*PYTORCH_FILE;
        // The tensors' bytes lie between; any of them is a weight.
        let reach = if in_pickle { 0..*pickle } else { whole.len() - 30_000..whole.len() };
        let mut bytes = whole.clone();
        for (at, to) in &damage.0 {
            bytes[reach.start + at.index(reach.len())] = *to;
        }
        bytes.truncate(whole.len() - if in_pickle { 0 } else { damage.1 });
        let options = LoadOptions::at(256);
        let held = most_held(|| {
            if let Ok(checkpoint) = Checkpoint::from_bytes(bytes) {
                load(checkpoint, &options);
            }
        });
        prop_assert!(held <= ROOM + 8 * whole.len(), "{held} bytes held");
    }

    #[test]
    fn a_checkpoint_with_other_names_and_shapes_is_refused_or_segments(
        family in 0..3usize,
        changes in prop::collection::vec((any::<Index>(), prop::collection::vec(0..600usize, 0..5)), 0..4),
        gone in prop::option::of(any::<Index>()),
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
        let options = image_size.map_or_else(LoadOptions::default, LoadOptions::at);
        let Ok(weights) = Checkpoint::new(Box::new(source.clone())).prepare(&options, &Device::flex()) else {
            return Ok(());
        };
        // The others are too large to load by the hundred.
        if family == 0 && weights.config.image_size == 256 {
            first_decode(&Segmenter::load(Checkpoint::new(Box::new(source)), &options, &Device::flex()).unwrap());
        }
    }
}
