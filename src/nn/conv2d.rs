//! Convolutions of channels-last maps with strides or in groups.

use burn::tensor::{Tensor, module, ops::ConvOptions};

/// `x` `[batch, height, width, in]`, `weight` `[out, in / groups, kernel, kernel]` with zero padding of half the kernel, `bias`
/// `[out]` -> `[batch, height / stride, width / stride, out]`, both rounded up. `groups` is 1, or `in` and `out` alike
/// (depthwise).
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, stride: usize, groups: usize) -> Tensor<4> {
    #[cfg(feature = "cpu")]
    if let Some(y) = match groups {
        1 => super::kernels::conv2d(&x, &weight, &bias, stride),
        _ => super::kernels::depthwise3x3(&x, &weight, &bias, stride),
    } {
        return y;
    }
    let padding = weight.dims()[2] / 2;
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], groups);
    module::conv2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options).permute([0, 2, 3, 1])
}
