//! Weights from a source into a module, one tensor at a time, without initialising it first.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeSet;

use super::{CheckpointError, KeyMismatch, TensorSource};

/// Puts every parameter of `module` in from `source`.
///
/// `name_of` tells the source's name for a module path; `ignored` which left-over names of the source are no mistake;
/// `may_lack` which module paths may keep their fresh initialisation. Returns the module and those paths.
///
/// # Errors
/// [`CheckpointError::Keys`] with everything that does not fit, or what the source says of a tensor it cannot read.
pub fn load_module<M: Module>(
    module: M,
    source: &mut dyn TensorSource,
    name_of: &dyn Fn(&str) -> String,
    ignored: &dyn Fn(&str) -> bool,
    may_lack: &dyn Fn(&str) -> bool,
) -> Result<(M, Vec<String>), CheckpointError> {
    let mut loader = Loader {
        source,
        name_of,
        may_lack,
        path: ModulePath::default(),
        used: BTreeSet::new(),
        lacked: Vec::new(),
        mismatch: KeyMismatch::default(),
        error: None,
    };
    let module = module.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    let Loader { mut mismatch, used, lacked, source, .. } = loader;
    let left_over = source.shapes().keys().filter(|name| !used.contains(*name) && !ignored(name));
    mismatch.unexpected = left_over.cloned().collect();
    if mismatch.is_empty() { Ok((module, lacked)) } else { Err(CheckpointError::Keys(mismatch)) }
}

/// Where a mapper or visitor is in a module: the canonical name of a parameter and whether it lies transposed.
#[derive(Default)]
pub(crate) struct ModulePath {
    parts: Vec<(String, String)>,
}

impl ModulePath {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        self.parts.push((name.to_owned(), container.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.parts.pop();
    }

    /// The path with the names of checkpoints: an enum's variant is no level.
    pub(crate) fn name(&self) -> String {
        let levels = self.parts.iter().filter(|(_, container)| !container.starts_with("Enum:"));
        levels.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".")
    }

    /// burn's linear layers keep `[in, out]`, PyTorch's `[out, in]`.
    pub(crate) fn is_transposed(&self) -> bool {
        self.parts.last().is_some_and(|(name, container)| container == "Struct:Linear" && name == "weight")
    }
}

struct Loader<'a> {
    source: &'a mut dyn TensorSource,
    name_of: &'a dyn Fn(&str) -> String,
    may_lack: &'a dyn Fn(&str) -> bool,
    path: ModulePath,
    used: BTreeSet<String>,
    lacked: Vec<String>,
    mismatch: KeyMismatch,
    error: Option<CheckpointError>,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.name();
        let name = (self.name_of)(&path);
        let transposed = self.path.is_transposed();
        let mut shape = param.lazy_shape().to_vec();
        if transposed {
            shape.reverse();
        }
        match self.source.shapes().get(&name) {
            None if (self.may_lack)(&path) => self.lacked.push(path),
            None => self.mismatch.missing.push((name, shape)),
            Some(found) if *found != shape => {
                self.mismatch.misshapen.push((name.clone(), found.clone(), shape));
                self.used.insert(name);
            }
            Some(_) if self.error.is_some() => {}
            Some(_) => match self.source.read(&name) {
                Err(error) => self.error = Some(error),
                Ok(values) if values.len() != shape.iter().product::<usize>() => {
                    let why = format!("`{name}` has {} values, which its shape {shape:?} does not fit", values.len());
                    self.error = Some(CheckpointError::Damaged(why));
                }
                Ok(values) => {
                    let values = if transposed { transpose(&values, shape[0], shape[1]) } else { values };
                    self.used.insert(name);
                    let values = TensorData::new(values, param.lazy_shape());
                    return Param::initialized(param.id, Tensor::from_data(values, &param.lazy_device()));
                }
            },
        }
        param
    }
}

/// A row-major matrix with its rows and columns changed about.
pub(super) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| values[i % rows * columns + i / rows]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::MemorySource;
    use crate::nn::{LayerNorm, LayerNormConfig};
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Tiny {
        norm: LayerNorm,
        fc: Linear,
    }

    fn tiny() -> Tiny {
        let device = Device::flex();
        Tiny { norm: LayerNormConfig::new(3).init(&device), fc: LinearConfig::new(3, 2).init(&device) }
    }

    fn source() -> MemorySource {
        let mut source = MemorySource::default();
        source.insert("norm.weight", vec![3], vec![1.0, 2.0, 3.0]);
        source.insert("norm.bias", vec![3], vec![0.0; 3]);
        source.insert("fc.weight", vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        source.insert("fc.bias", vec![2], vec![0.0; 2]);
        source
    }

    fn load_tiny(source: &mut MemorySource) -> Result<(Tiny, Vec<String>), CheckpointError> {
        load_module(tiny(), source, &str::to_owned, &|_| false, &|_| false)
    }

    #[test]
    fn a_linear_weight_is_transposed_and_a_norm_taken_as_it_is() {
        let (tiny, lacked) = load_tiny(&mut source()).unwrap();
        assert!(lacked.is_empty());
        let weight: Vec<f32> = tiny.fc.weight.val().into_data().try_into_vec().unwrap();
        assert_eq!(weight, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let norm: Vec<f32> = tiny.norm.weight.val().into_data().try_into_vec().unwrap();
        assert_eq!(norm, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn every_key_that_does_not_fit_is_named() {
        let mut source = source();
        source.remove("norm.bias");
        source.insert("fc.bias", vec![3], vec![0.0; 3]);
        source.insert("extra", vec![1], vec![0.0]);
        let Err(CheckpointError::Keys(mismatch)) = load_tiny(&mut source) else { panic!("the keys do not fit") };
        assert_eq!(mismatch.missing, [("norm.bias".to_owned(), vec![3])]);
        assert_eq!(mismatch.misshapen, [("fc.bias".to_owned(), vec![3], vec![2])]);
        assert_eq!(mismatch.unexpected, ["extra"]);
    }
}
