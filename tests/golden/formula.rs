//! The formula that makes weights, prompts and picture of the golden vectors (`shared/golden/README.md`), and networks with
//! its weights.

use burn::tensor::Device;
use sam2rad::checkpoint::{CheckpointError, MemorySource, TensorSource, keys, keys::Naming, load_module, shapes};
use sam2rad::config::Sam2RadConfig;
use sam2rad::model::Sam2Rad;
use std::collections::BTreeMap;

/// The formula as a source of weights: it has every name, in the shape that is asked for.
struct Formula<'a> {
    salt: &'a str,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl TensorSource for Formula<'_> {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let values = weights(self.salt, name, &self.shapes[name]);
        // The reference's TinyViT gathers its attention biases into a buffer when it is switched to evaluation, which the
        // golden script did before it put the formula's values in: in the vectors they are still zero.
        let stale = name.ends_with("attn.attention_biases");
        Ok(if stale { vec![0.0; values.len()] } else { values })
    }
}

/// The network with the formula's weights.
pub fn network(config: &Sam2RadConfig, salt: &str) -> Sam2Rad {
    let model = config.init(&Device::flex());
    let name_of = |name: &str| keys::source_name(Naming::Reference, config, name);
    let shapes = shapes(&model).into_iter().map(|(name, shape)| (name_of(&name), shape)).collect();
    load_module(model, &mut Formula { salt, shapes }, &name_of, &|_| false, &|_| false).unwrap().0
}

/// A checkpoint as the network's authors publish it: the formula's weights under their names.
pub fn official(config: &Sam2RadConfig, salt: &str) -> MemorySource {
    let naming = if config.mask_decoder.high_res_features { Naming::Sam2 } else { Naming::Sam };
    let mut source = MemorySource::default();
    for (name, shape) in shapes(&config.init(&Device::flex())) {
        let name = keys::source_name(naming, config, &name);
        let values = weights(salt, &name, &shape);
        source.insert(name, shape, values);
    }
    source
}

/// `u(name)[i]` in 0..1 for `i = 0..`.
fn uniform(name: &str) -> impl Iterator<Item = f64> + use<> {
    let hash =
        name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (1u64..).map(move |i| {
        let z = hash.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
    })
}

/// Values of the tensor `name` of the reference's state dict, row-major; `salt` goes in front of the name before hashing.
fn weights(salt: &str, name: &str, shape: &[usize]) -> Vec<f32> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let has = |part: &str| name.contains(part);
    const SMALL: [&str; 7] =
        ["pos_embed", "token", "point_embed", "not_a_point", "no_mask_embed", "no_mem", "learnable_prompts"];
    let fan_in = shape.iter().skip(1).product::<usize>() as f64;
    let (offset, scale) = match shape.len() {
        _ if last == "running_var" => (1.0, 0.25),
        _ if last == "running_mean" => (0.0, 0.1),
        _ if has("gaussian_matrix") => (0.0, 1.0),
        _ if has("rel_pos") || has("attention_biases") => (0.0, 0.1),
        2.. if SMALL.iter().any(|part| has(part)) => (0.0, 0.5),
        2.. => (0.0, (3.0 / fan_in).sqrt()),
        1 if last == "weight" => (1.0, 0.1),
        1 if last == "gamma" => (0.0, 1.0),
        _ => (0.0, 0.1),
    };
    let values = uniform(&format!("{salt}{name}")).take(shape.iter().product());
    values.map(|u| (offset + scale * (2.0 * u - 1.0)) as f32).collect()
}

/// The grey picture, `size` x `size`, row by row.
pub fn picture(salt: &str, size: usize) -> Vec<u8> {
    let noise = uniform(&format!("{salt}image{size}"));
    let pixels = (0..size).flat_map(|row| (0..size).map(move |column| (row, column)));
    pixels
        .zip(noise)
        .map(|((row, column), u)| {
            let (x, y) = (column as f64 / size as f64, row as f64 / size as f64);
            let surface = 0.45 + 0.3 * (x - 0.5).powi(2);
            let arc = (-((y - surface) / 0.02).powi(2)).exp();
            let shadow = if y > surface { 0.35 } else { 1.0 };
            let value = (0.15 + 0.5 * u * u) * shadow * (-0.8 * y).exp() + 0.9 * arc;
            (255.0 * value.clamp(0.0, 1.0)).floor() as u8
        })
        .collect()
}
