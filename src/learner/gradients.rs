//! Gradients of a step: the mean over its pictures, bounded in norm.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::model::Sam2Rad;

/// Scales the sum of `pictures` gradients to their mean, and further down where the norm of all together is more than
/// `clip_norm` (0 for no bound). Returns that norm before.
pub(super) fn average_and_clip(
    model: &Sam2Rad,
    gradients: &mut GradientsParams,
    pictures: usize,
    clip_norm: f64,
) -> f64 {
    let mut squares = Squares { gradients, sum: 0.0 };
    model.visit(&mut squares);
    let norm = squares.sum.sqrt() / pictures as f64;
    let bound = if clip_norm > 0.0 && norm > clip_norm { clip_norm / norm } else { 1.0 };
    let factor = bound / pictures as f64;
    if factor != 1.0 {
        model.visit(&mut Scaler { gradients, factor });
    }
    norm
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum += gradient.square().sum().into_scalar::<f64>();
        }
    }
}

struct Scaler<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scaler<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor);
        }
    }
}
