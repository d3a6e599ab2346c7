//! What a network computes from its weights and sizes alone.

use burn::tensor::Tensor;
use std::fmt;
use std::sync::OnceLock;

/// Computed for the first frame and kept for the others. Where tensors record gradients it is computed each time: those weights
/// change.
pub struct Once<T>(OnceLock<T>);

impl<T: Clone> Once<T> {
    /// What is kept, or what `make` makes; `of` is one of the weights that it is made of.
    pub fn get<const D: usize>(&self, of: &Tensor<D>, make: impl FnOnce() -> T) -> T {
        if of.is_autodiff() { make() } else { self.0.get_or_init(make).clone() }
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Clone for Once<T> {
    /// Empty: a copy of a module may be given other weights.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn it_is_made_once_for_a_network_at_work_and_each_time_for_one_in_training() {
        for (device, expected) in [(Device::flex(), 1), (Device::flex().autodiff(), 3)] {
            let weight = Tensor::<1>::ones([2], &device);
            let (once, mut made) = (Once::default(), 0);
            for _ in 0..3 {
                once.get(&weight, || made += 1);
            }
            assert_eq!(made, expected);
        }
    }
}
