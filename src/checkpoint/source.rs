//! Where weights come from.

use std::collections::BTreeMap;

use super::CheckpointError;

/// Named tensors in PyTorch's layout (a linear layer's weight is `[out, in]`), read one at a time.
pub trait TensorSource {
    /// All names with their shapes.
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>>;

    /// The values of a tensor, row-major. It is asked for once: a source may let go of it.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] or [`CheckpointError::Dtype`].
    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError>;
}

/// Tensors in memory.
#[derive(Debug, Clone, Default)]
pub struct MemorySource {
    shapes: BTreeMap<String, Vec<usize>>,
    values: BTreeMap<String, Vec<f32>>,
}

impl MemorySource {
    /// Everything that a source has.
    ///
    /// # Errors
    /// What the source says of a tensor it cannot read.
    pub fn read_all(source: &mut dyn TensorSource) -> Result<Self, CheckpointError> {
        let shapes = source.shapes().clone();
        let read = |name: &String| Ok((name.clone(), source.read(name)?));
        let values = shapes.keys().map(read).collect::<Result<_, CheckpointError>>()?;
        Ok(Self { shapes, values })
    }

    /// Adds a tensor; a second one of that name takes its place.
    ///
    /// # Panics
    /// Where the number of values is not the shape's.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "a tensor has as many values as its shape says");
        let name = name.into();
        self.values.insert(name.clone(), values);
        self.shapes.insert(name, shape);
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        Some((self.shapes.remove(name)?, self.values.remove(name)?))
    }

    /// The values of a tensor.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        self.values.get(name).map(Vec::as_slice)
    }
}

impl TensorSource for MemorySource {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        self.values.get(name).cloned().ok_or_else(|| CheckpointError::Damaged(format!("the tensor `{name}` is gone")))
    }
}
