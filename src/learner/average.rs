//! A moving average of the weights: it moves less from step to step than they do, and usually segments better.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

use crate::model::Sam2Rad;

/// Moves `average` towards the trained weights of `model`. Early on it follows faster: the weights of step 0 are random.
pub(super) fn update(average: Sam2Rad, model: &Sam2Rad, decay: f64, step: usize) -> Sam2Rad {
    let decay = decay.min((1.0 + step as f64) / (10.0 + step as f64));
    let mut trained = Trained { weights: TensorContainer::new() };
    model.visit(&mut trained);
    average.map(&mut Mover { weights: trained.weights, decay })
}

struct Trained {
    weights: TensorContainer<ParamId>,
}

impl ModuleVisitor for Trained {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.weights.register(param.id, param.val().inner());
        }
    }
}

struct Mover {
    weights: TensorContainer<ParamId>,
    decay: f64,
}

impl ModuleMapper for Mover {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.weights.remove::<Tensor<D>>(&param.id) {
            Some(weights) => param.map(|average| average * self.decay + weights * (1.0 - self.decay)),
            None => param,
        }
    }
}
