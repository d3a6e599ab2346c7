//! Kernels for burn's CPU backend, where its own leave time or precision on the table: a GELU and a softmax that vectorise, a
//! linear layer that adds its bias for free, attention that reads heads where they lie; all of them sum in short blocks and
//! use every thread. Each takes tensors that live there and returns `None` where they do not (another device, tensors that
//! record gradients), so that the caller goes on with burn's own operation.

mod attention;
mod conv2d;
mod conv3x3;
mod depthwise;
mod exp;
mod gelu;
mod layer_norm;
mod linear;
mod max_pool;
#[cfg(any(test, target_arch = "wasm32"))]
mod product;

pub use attention::attention;
#[cfg(feature = "learn")]
pub use attention::attention_backward;
pub use conv2d::conv2d;
pub use conv3x3::conv3x3;
#[cfg(feature = "learn")]
pub use conv3x3::conv3x3_weight_gradient;
pub use depthwise::depthwise;
pub use gelu::gelu;
#[cfg(feature = "learn")]
pub use gelu::gelu_backward;
pub use layer_norm::layer_norm;
#[cfg(feature = "learn")]
pub use layer_norm::layer_norm_backward;
pub use linear::linear;
pub use max_pool::max_pool_2x2;

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape, Tensor};
use std::iter::Sum;
use std::ops::Add;

/// Products summed in one go by [`multiply_add`]. Short sums round less: the image embedding's error is 0.73 to 1.0 of PyTorch's at
/// 128 products, 0.50 to 0.71 at 32 (for 5 % of a frame's time in WASM), and no smaller at 16.
const SUM_LENGTH: usize = 32;

/// The tensor as the CPU holds it, if it holds it as `f32`; it may be a strided view.
fn on_cpu<const D: usize>(x: &Tensor<D>) -> Option<FlexTensor> {
    let x = x.clone().try_into_primitive::<Flex>().ok()?;
    (x.dtype() == DType::F32).then_some(x)
}

/// The tensor as it lies, unless it runs backwards, as a flipped one does: such a one is copied.
fn forwards(tensor: FlexTensor) -> FlexTensor {
    if tensor.layout().strides().iter().any(|&stride| stride < 0) { tensor.to_contiguous() } else { tensor }
}

fn into_tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(flex_tensor(values, shape.to_vec()))
}

fn flex_tensor(values: Vec<f32>, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::from(shape)), DType::F32)
}

/// Running sums: as many as the widest registers hold, so that the compiler vectorises them.
const LANES: usize = 16;

/// The sum of `term(value)`.
#[inline(always)]
fn sum<T: Copy + Default + Add<Output = T> + Sum>(values: &[f32], term: impl Fn(f32) -> T) -> T {
    let (whole, rest) = values.as_chunks::<LANES>();
    let mut sums = [T::default(); LANES];
    for chunk in whole {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum = *sum + term(*value));
    }
    sums.into_iter().sum::<T>() + rest.iter().map(|value| term(*value)).sum()
}

/// The larger of two numbers. WASM has no instruction for [`f32::max`], whose rule for NaN is another, and calls a function.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// A matrix somewhere in a slice: `[rows, columns]`, element `(r, c)` at `offset + r * row_stride + c * column_stride`.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    offset: usize,
    row_stride: usize,
    column_stride: usize,
}

impl Matrix<'_> {
    /// Rows as columns.
    fn transposed(self) -> Self {
        Self { row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    /// Panics where a matrix of this many rows and columns would leave the slice.
    fn check(&self, rows: usize, columns: usize) {
        let last = self.offset + (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
        assert!(last < self.data.len(), "a matrix of {rows} x {columns} does not fit into {} values", self.data.len());
    }
}

/// `out += factor left right` on one thread: `[m, k]`, `[k, n]`, and `out` with rows of `n` values, `out_stride` apart.
fn multiply_add(
    [m, n, k]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    out: &mut [f32],
    out_stride: usize,
    factor: f32,
) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    left.check(m, k);
    right.check(k, n);
    assert!((m - 1) * out_stride + n <= out.len() && n <= out_stride);
    #[cfg(target_arch = "wasm32")]
    if m.min(k) >= product::LEAST {
        return product::add_product([m, n, k], left, right, out, out_stride, factor);
    }
    let blocks = k.div_ceil(SUM_LENGTH);
    for block in 0..blocks {
        let (first, end) = (k * block / blocks, k * (block + 1) / blocks);
        // SAFETY: the three matrices lie within their slices (checked above), and `out` is borrowed exclusively.
        unsafe {
            gemm::gemm(
                m,
                n,
                end - first,
                out.as_mut_ptr(),
                1,
                out_stride as isize,
                true,
                left.data.as_ptr().add(left.offset + first * left.column_stride),
                left.column_stride as isize,
                left.row_stride as isize,
                right.data.as_ptr().add(right.offset + first * right.row_stride),
                right.column_stride as isize,
                right.row_stride as isize,
                1.0,
                factor,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

/// Works on `values` in chunks of `size`, on all threads there are; `work` is told the chunk's index.
fn for_each_chunk(values: &mut [f32], size: usize, work: impl Fn(usize, &mut [f32]) + Sync + Send) {
    #[cfg(feature = "rayon")]
    {
        use rayon::prelude::*;
        values.par_chunks_mut(size).enumerate().for_each(|(i, chunk)| work(i, chunk));
    }
    #[cfg(not(feature = "rayon"))]
    values.chunks_mut(size).enumerate().for_each(|(i, chunk)| work(i, chunk));
}

/// Threads that [`for_each_chunk`] uses.
fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance, module, ops::ConvOptions};

    /// Asserts that `kernel` is burn's convolution, for a random picture and weight of these shapes (channels last, and `[out, in / groups,
    /// size, size]`), padded with half the kernel.
    pub fn assert_is_burns_convolution(
        picture: [usize; 4],
        weight: [usize; 4],
        stride: usize,
        kernel: impl Fn(&Tensor<4>, &Tensor<4>, &Tensor<1>) -> Option<Tensor<4>>,
    ) {
        let device = Device::flex();
        let options = ConvOptions::new([stride; 2], [weight[2] / 2; 2], [1, 1], picture[3] / weight[1]);
        let x = Tensor::<4>::random(picture, Distribution::Default, &device);
        let bias = Tensor::<1>::random([weight[0]], Distribution::Default, &device);
        let weight = Tensor::<4>::random(weight, Distribution::Default, &device);
        let found = kernel(&x, &weight, &bias).expect("the tensors are on the CPU");
        let expected = module::conv2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options).permute([0, 2, 3, 1]);
        found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-5, 1e-5));
    }
}
