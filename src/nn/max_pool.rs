//! Max pooling of channels-last maps.

use burn::tensor::Tensor;

/// `[batch, h, w, channels]` -> `[batch, h / 2, w / 2, channels]`: the largest of each 2x2, as `MaxPool2d(2, 2)`.
pub fn max_pool_2x2(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "cpu")]
    if let Some(y) = super::kernels::max_pool_2x2(&x) {
        return y;
    }
    let [batch, height, width, channels] = x.dims();
    let (h, w) = (height / 2, width / 2);
    let x = x.narrow(1, 0, h * 2).narrow(2, 0, w * 2).reshape([batch * h, 2, w, 2 * channels]);
    let rows = x.clone().narrow(1, 0, 1).max_pair(x.narrow(1, 1, 1));
    let columns = rows.clone().narrow(3, 0, channels).max_pair(rows.narrow(3, channels, channels));
    columns.reshape([batch, h, w, channels])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn pooling_keeps_the_largest_of_each_2x2() {
        let values: Vec<f32> = (0..16).map(|i| if i == 5 { 99.0 } else { i as f32 }).collect();
        let device = Device::flex();
        for device in [device.clone(), device.autodiff()] {
            let x = Tensor::<4>::from_data(TensorData::new(values.clone(), [1, 4, 4, 1]), &device);
            let found: Vec<f32> = max_pool_2x2(x).into_data().try_into_vec().unwrap();
            assert_eq!(found, [99.0, 7.0, 13.0, 15.0]);
        }
    }
}
