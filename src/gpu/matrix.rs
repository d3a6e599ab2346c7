//! Weights as the kernels want them: inputs by outputs, norms and neighbouring linear layers folded in, uploaded once.

use std::collections::HashMap;

use super::GpuError;
use super::device::Gpu;
use super::plan::Tensor;
use crate::checkpoint::{MemorySource, TensorSource};

/// A tensor of a model, in PyTorch's layout.
#[derive(Debug, Clone, Default)]
pub struct Array {
    /// Extents.
    pub shape: Vec<usize>,
    /// Values, row by row.
    pub values: Vec<f32>,
}

/// All tensors of a model by their canonical names.
#[derive(Debug, Default)]
pub struct Weights(pub HashMap<String, Array>);

/// A product's weight `[inputs, outputs]` and bias, uploaded.
#[derive(Debug)]
pub(super) struct Layer {
    pub inputs: usize,
    pub outputs: usize,
    pub weight: Tensor,
    pub bias: Tensor,
    /// The layer norm in front, of which scale and shift are folded in: its epsilon.
    pub normalizes: Option<f32>,
}

/// A layer norm's weight and bias in a row, uploaded.
#[derive(Debug)]
pub(super) struct Norm {
    pub values: Tensor,
    pub epsilon: f32,
}

/// A weight `[inputs, outputs]` and a bias before they are uploaded.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub inputs: usize,
    pub outputs: usize,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    normalizes: Option<f32>,
}

impl From<&MemorySource> for Weights {
    fn from(source: &MemorySource) -> Self {
        let array = |(name, shape): (&String, &Vec<usize>)| {
            let values = source.get(name).unwrap_or_default().to_vec();
            (name.clone(), Array { shape: shape.clone(), values })
        };
        Self(source.shapes().iter().map(array).collect())
    }
}

impl Weights {
    /// A tensor's values.
    ///
    /// # Errors
    /// [`GpuError::NotCovered`] where the model has none of that name.
    pub(super) fn get(&self, name: &str) -> Result<&Array, GpuError> {
        self.0.get(name).ok_or_else(|| GpuError::NotCovered(format!("a model without the weights `{name}`")))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A linear layer or a pointwise convolution, `[outputs, inputs, ..]` with or without a bias.
    pub(super) fn linear(&self, name: &str) -> Result<Matrix, GpuError> {
        let Array { shape, values } = self.get(&format!("{name}.weight"))?;
        let (outputs, inputs) = (shape[0], shape[1..].iter().product());
        let bias = self.get(&format!("{name}.bias")).map_or_else(|_| vec![0.0; outputs], |bias| bias.values.clone());
        Ok(Matrix { inputs, outputs, weight: transposed(values, outputs, inputs), bias, normalizes: None })
    }

    /// A projection of the two-way transformer, its low-rank update merged.
    pub(super) fn projection(&self, name: &str) -> Result<Matrix, GpuError> {
        if self.has(&format!("{name}.weight")) {
            return self.linear(name);
        }
        let mut matrix = self.linear(&format!("{name}.linear"))?;
        if self.has(&format!("{name}.w_a.weight")) {
            let [a, b] = [self.linear(&format!("{name}.w_a"))?, self.linear(&format!("{name}.w_b"))?];
            let update = a.then(&b);
            matrix.weight.iter_mut().zip(update.weight).for_each(|(weight, change)| *weight += change);
        }
        Ok(matrix)
    }

    /// A convolution `[outputs, channels, side, side]` as a product whose inputs are the kernel's rows, columns and
    /// channels, these padded with zeros to a multiple of four.
    pub(super) fn conv(&self, name: &str) -> Result<Matrix, GpuError> {
        let Array { shape, values } = self.get(&format!("{name}.weight"))?;
        let &[outputs, channels, side, _] = shape.as_slice() else {
            return Err(GpuError::NotCovered(format!("`{name}` of another shape")));
        };
        let padded = channels.next_multiple_of(4);
        let mut weight = vec![0.0; side * side * padded * outputs];
        for (i, &value) in values.iter().enumerate() {
            let (tap, channel, output) =
                (i % (side * side), i / (side * side) % channels, i / (side * side * channels));
            weight[(tap * padded + channel) * outputs + output] = value;
        }
        let bias = self.get(&format!("{name}.bias")).map_or_else(|_| vec![0.0; outputs], |bias| bias.values.clone());
        Ok(Matrix { inputs: side * side * padded, outputs, weight, bias, normalizes: None })
    }

    /// A transposed convolution `[inputs, channels, 2, 2]` as a product whose outputs are the row and column among 2x2
    /// pixels, then the channel.
    pub(super) fn upscale(&self, name: &str) -> Result<Matrix, GpuError> {
        let Array { shape, values } = self.get(&format!("{name}.weight"))?;
        let (inputs, channels) = (shape[0], shape[1]);
        let mut weight = vec![0.0; values.len()];
        for (i, &value) in values.iter().enumerate() {
            let (part, channel, input) = (i % 4, i / 4 % channels, i / 4 / channels);
            weight[(input * 4 + part) * channels + channel] = value;
        }
        let bias = self.get(&format!("{name}.bias"))?.values.repeat(4);
        Ok(Matrix { inputs, outputs: 4 * channels, weight, bias, normalizes: None })
    }

    /// A layer norm.
    pub(super) fn norm(&self, gpu: &Gpu, name: &str, epsilon: f64) -> Result<Norm, GpuError> {
        let [weight, bias] = [self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?];
        let values = [weight.values.as_slice(), &bias.values].concat();
        Ok(Norm { values: upload(gpu, &values, 2), epsilon: epsilon as f32 })
    }
}

impl Matrix {
    /// With a layer norm in front.
    pub fn after_norm(mut self, weights: &Weights, name: &str, epsilon: f64) -> Result<Self, GpuError> {
        let [scale, shift] = [weights.get(&format!("{name}.weight"))?, weights.get(&format!("{name}.bias"))?];
        for (row, shift) in self.weight.chunks_exact(self.outputs).zip(&shift.values) {
            self.bias.iter_mut().zip(row).for_each(|(bias, weight)| *bias += shift * weight);
        }
        for (row, scale) in self.weight.chunks_exact_mut(self.outputs).zip(&scale.values) {
            row.iter_mut().for_each(|weight| *weight *= scale);
        }
        self.normalizes = Some(epsilon as f32);
        Ok(self)
    }

    /// This layer, then `next`, as one.
    pub fn then(&self, next: &Self) -> Self {
        let mut bias = product(&self.bias, &next.weight, self.outputs, next.outputs);
        bias.iter_mut().zip(&next.bias).for_each(|(sum, bias)| *sum += bias);
        let weight = product(&self.weight, &next.weight, self.outputs, next.outputs);
        Self { inputs: self.inputs, outputs: next.outputs, weight, bias, normalizes: self.normalizes }
    }

    /// This layer's outputs, then those of others on the same input.
    pub fn beside(self, others: &[&Self]) -> Self {
        let all: Vec<&Self> = std::iter::once(&self).chain(others.iter().copied()).collect();
        let row = |i: usize| all.iter().flat_map(move |m| &m.weight[i * m.outputs..][..m.outputs]).copied();
        let weight = (0..self.inputs).flat_map(row).collect();
        let bias = all.iter().flat_map(|m| m.bias.iter().copied()).collect();
        let outputs = all.iter().map(|m| m.outputs).sum();
        Self { inputs: self.inputs, outputs, weight, bias, normalizes: self.normalizes }
    }

    /// With `values` added to what comes out.
    pub fn plus(mut self, values: &[f32]) -> Self {
        self.bias.iter_mut().zip(values).for_each(|(bias, value)| *bias += value);
        self
    }

    /// What the weight makes of rows of inputs, without the bias.
    pub fn apply(&self, rows: &[f32]) -> Vec<f32> {
        product(rows, &self.weight, self.inputs, self.outputs)
    }

    pub fn upload(&self, gpu: &Gpu) -> Layer {
        Layer {
            inputs: self.inputs,
            outputs: self.outputs,
            weight: upload(gpu, &self.weight, self.inputs),
            bias: upload(gpu, &self.bias, 1),
            normalizes: self.normalizes,
        }
    }
}

/// Values as `rows` on the GPU.
pub(super) fn upload(gpu: &Gpu, values: &[f32], rows: usize) -> Tensor {
    Tensor::fixed(&gpu.upload(values), rows, values.len() / rows)
}

/// `[rows, columns]` as `[columns, rows]`.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| values[i % rows * columns + i / rows]).collect()
}

/// `[n, inner]` times `[inner, outputs]`, summed in f64.
fn product(rows: &[f32], weight: &[f32], inner: usize, outputs: usize) -> Vec<f32> {
    let mut sums = vec![0f64; outputs];
    let mut found = Vec::with_capacity(rows.len() / inner * outputs);
    for row in rows.chunks_exact(inner) {
        sums.fill(0.0);
        for (&value, weights) in row.iter().zip(weight.chunks_exact(outputs)) {
            sums.iter_mut().zip(weights).for_each(|(sum, &weight)| *sum += f64::from(value) * f64::from(weight));
        }
        found.extend(sums.iter().map(|&sum| sum as f32));
    }
    found
}
