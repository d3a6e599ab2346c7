//! A golden file and the comparison with what was found.

use sam2rad::config::{Architecture, Parts, Sam2RadConfig};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

/// The bar where PyTorch's noise is next to nothing.
const MAX_FLOOR: f64 = 1e-4;
const RMS_FLOOR: f64 = 2e-5;

/// The folder with the vectors: the one that `SAM2RAD_GOLDEN_DIR` names, else `../shared/golden`, else the small fixtures.
pub fn golden_dir() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The command line's tests share this file from a folder below.
    let here = package.ancestors().find(|folder| folder.join("tests/golden").is_dir()).expect("the repository");
    let shared = here.join("../shared/golden");
    match std::env::var_os("SAM2RAD_GOLDEN_DIR") {
        Some(dir) => dir.into(),
        None if shared.is_dir() => shared,
        None => here.join("tests/fixtures/golden"),
    }
}

/// What the file's `spec` says. Those of the authors' own networks have no predictor.
#[derive(Deserialize)]
struct Spec {
    config: String,
    encoder: String,
    decoder: String,
    prompt_predictor: Option<String>,
    size: usize,
    classes: Option<usize>,
    tokens: Option<usize>,
    salt: String,
    tensors: BTreeMap<String, TensorSpec>,
}

/// One tensor: of which values every `stride`-th is stored, their spread, and the noise of PyTorch's own f32 in its units.
#[derive(Deserialize)]
pub struct TensorSpec {
    shape: Vec<usize>,
    stride: usize,
    std: f64,
    f32_noise_max: f64,
    f32_noise_rms: f64,
}

pub struct Golden {
    spec: Spec,
    values: HashMap<String, Vec<f32>>,
}

/// All inference vectors of a folder and of `official/` in it, by name. Those of training and of SAM 2's memory have other forms.
pub fn read_folder(folder: &Path) -> Vec<Golden> {
    let mut files = Vec::new();
    for folder in [folder.to_owned(), folder.join("official")].iter().filter(|folder| folder.is_dir()) {
        files.extend(paths(folder).iter().filter_map(|path| Golden::read(path)));
    }
    files
}

/// The folder has something to compare with, or is one that was asked for and may hold vectors of another form.
pub fn assert_found(count: usize) {
    let is_asked_for = std::env::var_os("SAM2RAD_GOLDEN_DIR").is_some();
    assert!(count > 0 || is_asked_for, "no golden files in {}", golden_dir().display());
}

/// The safetensors files of a folder, by name.
pub fn paths(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    paths.sort();
    paths
}

/// The `spec` of a golden file and its tensors.
pub fn read(path: &Path) -> (String, HashMap<String, Vec<f32>>) {
    let bytes = std::fs::read(path).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let spec = metadata.metadata().as_ref().unwrap()["spec"].clone();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let values = |bytes: &[u8]| bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    (spec, file.tensors().into_iter().map(|(name, view)| (name, values(view.data()))).collect())
}

impl Golden {
    fn read(path: &Path) -> Option<Self> {
        let (spec, values) = read(path);
        let is_other = ["\"grads\"", "\"plan\""].iter().any(|form| spec.contains(form));
        (!is_other).then(|| Self { spec: serde_json::from_str(&spec).unwrap(), values })
    }

    pub fn config(&self) -> &str {
        &self.spec.config
    }

    pub fn size(&self) -> usize {
        self.spec.size
    }

    pub fn salt(&self) -> &str {
        &self.spec.salt
    }

    #[allow(dead_code, reason = "the double-precision test shares this file and looks at no picture")]
    pub fn values(&self, name: &str) -> &[f32] {
        &self.values[name]
    }

    /// Whether the vectors are of a network as its authors published it.
    pub fn is_official(&self) -> bool {
        self.spec.decoder.starts_with("official")
    }

    /// The network that the vectors were made with.
    pub fn network(&self) -> Sam2RadConfig {
        let Spec { encoder, decoder, prompt_predictor, size, classes, tokens, .. } = &self.spec;
        let make = |decoder: &str, predictor: &str| {
            let architecture = Architecture {
                image_encoder: encoder.clone(),
                mask_decoder: decoder.to_owned(),
                prompt_predictor: predictor.to_owned(),
                memory: None,
            };
            Sam2RadConfig::new(architecture, *size, classes.unwrap_or(1), tokens.unwrap_or(10)).unwrap()
        };
        if !self.is_official() {
            return make(decoder, prompt_predictor.as_ref().expect("the name of its predictor"));
        }
        let is_sam = encoder.starts_with("sam_") || encoder.starts_with("vit_");
        let object_score = !decoder.contains("no object score");
        let family = if is_sam { "sam_mask_decoder" } else { "sam2_mask_decoder" };
        make(family, "linear").with_parts(Parts { prompt_predictor: false, object_score })
    }

    pub fn tensors(&self) -> impl Iterator<Item = Expected<'_>> {
        expected(&self.spec.tensors, &self.values)
    }
}

/// What a golden file says of its tensors, with their values.
pub fn expected<'a>(
    tensors: &'a BTreeMap<String, TensorSpec>,
    values: &'a HashMap<String, Vec<f32>>,
) -> impl Iterator<Item = Expected<'a>> {
    tensors.iter().map(|(name, spec)| Expected { name, spec, values: &values[name] })
}

pub struct Expected<'a> {
    name: &'a str,
    spec: &'a TensorSpec,
    values: &'a [f32],
}

/// Errors in units of the tensor's spread, and their bars.
pub struct Comparison {
    name: String,
    max: f64,
    max_bar: f64,
    rms: f64,
    rms_bar: f64,
}

impl Expected<'_> {
    #[allow(dead_code, reason = "the other tests that share this file compare every tensor")]
    pub fn name(&self) -> &str {
        self.name
    }

    pub fn compare(&self, found: &HashMap<String, Vec<f32>>) -> Comparison {
        let found = found.get(self.name).unwrap_or_else(|| panic!("nothing was computed for {}", self.name));
        let spec = self.spec;
        assert_eq!(found.len(), spec.shape.iter().product::<usize>(), "{} has the shape {:?}", self.name, spec.shape);
        let errors = self.values.iter().zip(found.iter().step_by(spec.stride));
        let errors: Vec<f64> = errors.map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs() / spec.std).collect();
        // A NaN is an error without bound.
        let largest = |largest: f64, error: &f64| if error.is_nan() { f64::INFINITY } else { largest.max(*error) };
        let mean_square = errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64;
        Comparison {
            name: self.name.to_owned(),
            max: errors.iter().fold(0.0, largest),
            max_bar: (10.0 * spec.f32_noise_max).max(MAX_FLOOR),
            rms: mean_square.sqrt(),
            rms_bar: (5.0 * spec.f32_noise_rms).max(RMS_FLOOR),
        }
    }
}

impl Comparison {
    /// The columns of its text.
    pub const HEADER: &str =
        "tensor                                             max       bar       rms       bar  of it";

    /// Whether nothing in front of the tensor multiplies rounding errors: the image encoder's outputs and the embedded prompts.
    #[allow(dead_code, reason = "the double-precision test shares this file and needs no exception")]
    pub fn is_well_conditioned(&self) -> bool {
        let encoder = ["encoder.", "image_embedding", "high_res."].iter().any(|start| self.name.starts_with(start));
        encoder || (self.name.starts_with("manual.") && self.name.ends_with(".sparse"))
    }

    /// The larger of the two errors in units of its bar.
    pub fn of_bar(&self) -> f64 {
        (self.max / self.max_bar).max(self.rms / self.rms_bar)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, max, max_bar, rms, rms_bar } = self;
        write!(f, "{name:44} {max:9.2e} {max_bar:9.2e} {rms:9.2e} {rms_bar:9.2e} {:5.2}", self.of_bar())
    }
}
