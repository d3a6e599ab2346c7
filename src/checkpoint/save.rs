//! Weights out of a module, in PyTorch's layout under our names.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use std::collections::BTreeMap;

use super::module::{ModulePath, transpose};
use super::{MemorySource, TensorSource};
use crate::config::Architecture;

/// All float parameters of a module (native: it waits for the device).
pub fn collect<M: Module>(module: &M) -> MemorySource {
    let mut tensors = MemorySource::default();
    for parameter in parameters(module) {
        let values = parameter.values.clone().into_data().iter().collect();
        parameter.insert(values, &mut tensors);
    }
    tensors
}

/// A parameter as it lies on the device.
struct Parameter {
    name: String,
    shape: Vec<usize>,
    is_transposed: bool,
    values: Tensor<1>,
}

impl Parameter {
    /// Puts it among `tensors` in PyTorch's layout.
    fn insert(self, values: Vec<f32>, tensors: &mut MemorySource) {
        match (self.is_transposed, self.shape.as_slice()) {
            (true, &[rows, columns]) => {
                tensors.insert(self.name, vec![columns, rows], transpose(&values, rows, columns));
            }
            _ => tensors.insert(self.name, self.shape, values),
        }
    }
}

fn parameters<M: Module>(module: &M) -> Vec<Parameter> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    collector.parameters
}

#[derive(Default)]
struct Collector {
    path: ModulePath,
    parameters: Vec<Parameter>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape().to_vec();
        self.parameters.push(Parameter {
            name: self.path.name(),
            is_transposed: self.path.is_transposed(),
            values: param.val().reshape([shape.iter().product::<usize>()]),
            shape,
        });
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
