//! Weights out of a module, in PyTorch's layout under our names.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use std::collections::BTreeMap;

use super::load::{ModulePath, transpose};
use super::{MemorySource, TensorSource};
use crate::config::Architecture;

/// All float parameters of a module (native: it waits for the device).
pub fn collect<M: Module>(module: &M) -> MemorySource {
    let mut collector = Collector { path: ModulePath::default(), tensors: MemorySource::default() };
    module.visit(&mut collector);
    collector.tensors
}

struct Collector {
    path: ModulePath,
    tensors: MemorySource,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        let values: Vec<f32> = param.val().into_data().iter().collect();
        let values = match self.path.is_transposed() {
            true => {
                let values = transpose(&values, shape[0], shape[1]);
                shape.reverse();
                values
            }
            false => values,
        };
        self.tensors.insert(self.path.name(), shape, values);
    }
}

/// Adds the low-rank updates of the mask decoder to the weights they update: `W + B A`. Returns the architecture that the
/// tensors are now of; one without LoRA stays what it is.
pub fn merge_lora(tensors: &mut MemorySource, architecture: &Architecture) -> Architecture {
    let updated: Vec<String> =
        tensors.shapes().keys().filter_map(|name| name.strip_suffix(".w_a.weight")).map(str::to_owned).collect();
    for projection in updated {
        let mut take = |part: &str| tensors.remove(&format!("{projection}.{part}.weight"));
        let (Some((a_shape, a)), Some((_, b)), Some((shape, mut weight))) = (take("w_a"), take("w_b"), take("linear"))
        else {
            continue;
        };
        let (rank, input) = (a_shape[0], a_shape[1]);
        for (row, b) in weight.chunks_exact_mut(input).zip(b.chunks_exact(rank)) {
            for (b, a) in b.iter().zip(a.chunks_exact(input)) {
                row.iter_mut().zip(a).for_each(|(weight, a)| *weight += b * a);
            }
        }
        tensors.insert(format!("{projection}.linear.weight"), shape, weight);
    }
    let mask_decoder = match architecture.mask_decoder.as_str() {
        "sam2_lora_mask_decoder" => "sam2_mask_decoder",
        "lora_mask_decoder" => "merged_lora_mask_decoder",
        other => other,
    };
    Architecture { mask_decoder: mask_decoder.to_owned(), ..architecture.clone() }
}

/// Names and shapes of all float parameters, in PyTorch's layout under our names; initialises nothing.
pub fn shapes<M: Module>(module: &M) -> BTreeMap<String, Vec<usize>> {
    let mut lister = Lister::default();
    module.visit(&mut lister);
    lister.shapes
}

#[derive(Default)]
struct Lister {
    path: ModulePath,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        if self.path.is_transposed() {
            shape.reverse();
        }
        self.shapes.insert(self.path.name(), shape);
    }
}
