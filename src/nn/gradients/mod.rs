//! Derivatives of the layers that have CPU kernels, so that training runs on the same kernels as inference: burn would
//! record the small steps of its own operations instead, several times slower on the CPU.
//!
//! Each function takes tensors on a recording CPU device and returns `None` elsewhere, as those of [`super::kernels`].

mod attention;
mod conv3x3;
mod gelu;
mod layer_norm;
mod linear;

pub use attention::attention;
pub use conv3x3::conv3x3;
pub use gelu::gelu;
pub use layer_norm::layer_norm;
pub use linear::linear;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::Tensor;
use std::fmt::Debug;

/// What an operation keeps of its inputs to find their gradients.
trait Derivative<const N: usize>: Clone + Debug + Send + 'static {
    /// The output's gradient to those of the inputs; where one is not `wanted`, `None` will do.
    fn backward(self, grad: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N];
}

/// An operation of burn's graph, whose state is a [`Derivative`].
#[derive(Debug)]
struct Operation<T>(std::marker::PhantomData<fn() -> T>);

impl<const N: usize, T: Derivative<N>> Backward<Flex, N> for Operation<T> {
    type State = T;

    fn backward(self, ops: Ops<T, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        for (parent, grad) in ops.parents.into_iter().zip(ops.state.backward(grad, wanted)) {
            if let (Some(parent), Some(grad)) = (parent, grad) {
                grads.register::<Flex>(parent.id, grad);
            }
        }
    }
}

/// An input of an operation: its values, and its place in the graph.
type Recorded = <Autodiff<Flex> as burn::backend::BackendTypes>::FloatTensorPrimitive;

/// The tensor as it is recorded on the CPU, if it is.
fn recorded<const D: usize>(x: &Tensor<D>) -> Option<Recorded> {
    x.clone().try_into_primitive::<Autodiff<Flex>>().ok()
}

/// A recorded tensor's values.
fn values<const D: usize>(x: &Recorded) -> Tensor<D> {
    plain(x.primitive().clone())
}

/// The CPU's tensor for those who compute with it, outside any graph.
fn plain<const D: usize>(x: FlexTensor) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(x)
}

/// The inverse of [`plain`].
fn primitive<const D: usize>(x: Tensor<D>) -> FlexTensor {
    x.try_into_primitive::<Flex>().expect("kernels give tensors on the CPU")
}

/// Puts `output` into the graph as what `derivative` belongs to.
fn record<const D: usize, const N: usize, T: Derivative<N>>(
    inputs: [Recorded; N],
    output: Tensor<D>,
    derivative: T,
) -> Tensor<D> {
    let nodes = inputs.each_ref().map(Recorded::node);
    let operation = Operation(std::marker::PhantomData);
    let output = match operation.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(derivative, primitive(output)),
        OpsKind::UnTracked(operation) => operation.finish(primitive(output)),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(output)
}

/// As [`recorded`], of what may not be there.
fn recorded_if_any<const D: usize>(x: Option<&Tensor<D>>) -> Option<Option<Recorded>> {
    x.map_or(Some(None), |x| recorded(x).map(Some))
}

/// As [`record`], for a layer with or without a bias.
fn record_layer<const D: usize, T: Derivative<2> + Derivative<3>>(
    [x, weight]: [Recorded; 2],
    bias: Option<Recorded>,
    output: Tensor<D>,
    derivative: T,
) -> Tensor<D> {
    match bias {
        Some(bias) => record([x, weight, bias], output, derivative),
        None => record([x, weight], output, derivative),
    }
}

/// As many of the gradients as there are inputs: layers come with and without a bias.
fn take<const N: usize>(gradients: impl IntoIterator<Item = Option<FlexTensor>>) -> [Option<FlexTensor>; N] {
    let mut gradients = gradients.into_iter();
    std::array::from_fn(|_| gradients.next().flatten())
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor, Tolerance};

    /// Random values on a device that records.
    pub fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex().autodiff()).require_grad()
    }

    /// Holds an output and the gradients of what it came from to burn's own, for random gradients of the output.
    pub fn assert_same<const D: usize>(
        found: Tensor<D>,
        expected: Tensor<D>,
        gradients: &[&dyn Fn(&burn::tensor::Gradients) -> burn::tensor::TensorData],
    ) {
        let tolerance = Tolerance::rel_abs(2e-4, 2e-4);
        found.clone().into_data().assert_approx_eq::<f32>(&expected.clone().into_data(), tolerance);
        let weights = Tensor::random(found.dims(), Distribution::Default, &found.device());
        let [found, expected] = [found, expected].map(|y| (y * weights.clone()).sum().backward());
        for gradient in gradients {
            gradient(&found).assert_approx_eq::<f32>(&gradient(&expected), tolerance);
        }
    }
}
