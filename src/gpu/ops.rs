//! The operations that the networks are made of, each one kernel.

use super::matrix::{Layer, Norm};
use super::plan::{Kernel, Recorder, Tensor, parameters};

/// What follows a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Activation {
    #[default]
    None,
    Relu,
    Gelu,
}

/// What is added to a product; lengths in channels.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Residual<'a> {
    #[default]
    None,
    /// A map of the output's shape, or one that serves the whole batch.
    Map(&'a Tensor),
    /// The largest of 2x2 pixels of a map twice the size, whose channels start at an offset.
    Pooled(&'a Tensor, usize),
    /// The nearest pixel of a map that is smaller by a factor.
    Upsampled(&'a Tensor, usize),
    /// A vector for each row of the grid, then one for each column.
    Axes(&'a Tensor),
}

/// A convolution's geometry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conv {
    pub kernel: usize,
    pub stride: usize,
    /// Rows and columns of zeros around the input.
    pub padding: usize,
    /// Rows and columns of the input.
    pub input: [usize; 2],
}

impl Conv {
    /// One that keeps the map's size; the kernel's side is odd.
    pub fn same(kernel: usize, input: [usize; 2]) -> Self {
        Self { kernel, stride: 1, padding: kernel / 2, input }
    }
}

/// A matrix product with the operations fused around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear<'a> {
    pub x: &'a Tensor,
    pub layer: &'a Layer,
    /// Sets that the rows of `x` serve: each row of the output reads row `i % x.rows`.
    pub batch: usize,
    /// Rows and columns that a set's rows lie on.
    pub grid: [usize; 2],
    pub activation: Activation,
    /// The activation follows the residual.
    pub activate_last: bool,
    pub residual: Residual<'a>,
    pub conv: Option<Conv>,
    /// Four channels of the output are 2x2 pixels.
    pub shuffle: bool,
    /// Where the result goes if it outlives the plan.
    pub into: Option<&'a Tensor>,
}

impl<'a> Linear<'a> {
    pub fn new(x: &'a Tensor, layer: &'a Layer, grid: [usize; 2]) -> Self {
        Self {
            x,
            layer,
            batch: 1,
            grid,
            activation: Activation::None,
            activate_last: false,
            residual: Residual::None,
            conv: None,
            shuffle: false,
            into: None,
        }
    }
}

/// A linear layer on few rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tokens<'a> {
    /// Added to the input of the columns before the number: a row for each of the input's, or for each of a set.
    pub added: Option<(&'a Tensor, usize)>,
    pub activation: Activation,
    pub residual: Option<&'a Tensor>,
    pub norm: Option<&'a Norm>,
    /// Rows, and channels from one to the next, where they are not the tensor's own.
    pub rows: Option<(usize, usize)>,
}

/// Where queries, keys or values lie: a tensor, the first of their channels, and whether each set has its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads<'a> {
    pub tensor: &'a Tensor,
    pub offset: usize,
    pub shared: bool,
}

impl<'a> Heads<'a> {
    pub fn new(tensor: &'a Tensor, offset: usize) -> Self {
        Self { tensor, offset, shared: false }
    }

    /// vec4s from one set to the next.
    fn stride(&self, rows: usize) -> usize {
        if self.shared { 0 } else { rows * self.tensor.width / 4 }
    }
}

/// Windows of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows<'a> {
    /// Rows and columns of the map.
    pub grid: [usize; 2],
    /// Side; the map's own attends over all of it.
    pub side: usize,
    /// The queries are pooled 2x2.
    pub pool: bool,
    /// What a token of zeros projects to.
    pub outside: &'a Tensor,
}

impl Recorder {
    pub fn linear(&mut self, op: &Linear) -> Tensor {
        let Linear { x, layer, batch, grid: [height, width], residual, .. } = *op;
        let sets = match op.conv {
            Some(conv) => x.rows / (conv.input[0] * conv.input[1]),
            None => batch * x.rows / (height * width),
        };
        let rows = sets * height * width;
        let columns = layer.outputs;
        let y = match op.into {
            Some(tensor) => tensor.clone(),
            None if op.shuffle => self.tensor(rows * 4, columns / 4),
            None => self.tensor(rows, columns),
        };
        let (kind, other, offset, factor) = match residual {
            Residual::None => (0, x, 0, 1),
            Residual::Map(map) => (1, map, 0, 1),
            Residual::Pooled(map, offset) => (2, map, offset, 1),
            Residual::Upsampled(map, factor) => (3, map, 0, factor),
            Residual::Axes(table) => (4, table, 0, 1),
        };
        let conv = op.conv.unwrap_or(Conv::same(1, [height, width]));
        let [tall, wide] = tile(rows, columns);
        let constants = format!(
            "const BM = {tall}u; const BN = {wide}u; const NORM = {}; const CONV = {};",
            layer.normalizes.is_some(),
            op.conv.is_some()
        );
        let parameters = parameters![
            rows,
            columns / 4,
            layer.inputs / 4,
            x.width / 4,
            x.rows,
            columns / 4,
            op.activation as usize,
            op.activate_last,
            layer.normalizes.unwrap_or(0.0),
            height,
            width,
            op.shuffle,
            kind,
            other.width / 4,
            offset / 4,
            (other.len() / 4).max(1),
            factor,
            conv.input[0],
            conv.input[1],
            x.width / 4,
            conv.kernel,
            conv.stride,
            conv.padding,
        ];
        let mut inputs = vec![x, &layer.weight, &layer.bias];
        if kind > 0 {
            inputs.push(other);
        }
        let groups = [columns.div_ceil(wide), rows.div_ceil(tall), 1];
        self.add((Kernel::Linear, constants), &parameters, &inputs, &[&y], groups);
        y
    }

    pub fn tokens(&mut self, x: &Tensor, layer: &Layer, op: &Tokens) -> Tensor {
        let (rows, stride) = op.rows.unwrap_or((x.rows, x.width));
        let y = self.tensor(rows, layer.outputs);
        let (added, added_columns) = op.added.unwrap_or((x, 0));
        let columns = layer.outputs / 4;
        let parameters = parameters![
            rows,
            columns,
            layer.inputs / 4,
            stride / 4,
            op.activation as usize,
            op.added.is_some(),
            added.rows,
            added_columns / 4,
            op.residual.is_some(),
            op.norm.is_some(),
            op.norm.map_or(0.0, |norm| norm.epsilon),
        ];
        let residual = op.residual.unwrap_or(x);
        let norm = op.norm.map_or(&layer.bias, |norm| &norm.values);
        let inputs = [x, &layer.weight, &layer.bias, residual, added, norm];
        let groups = [rows.div_ceil(4), columns.div_ceil(64), 1];
        self.add((Kernel::Tokens, String::new()), &parameters, &inputs, &[&y], groups);
        y
    }

    pub fn norm(&mut self, x: &Tensor, norm: &Norm, activation: Activation) -> Tensor {
        let y = self.tensor(x.rows, x.width);
        let parameters = parameters![x.rows, x.width / 4, activation as usize, norm.epsilon];
        let groups = [x.rows.div_ceil(8), 1, 1];
        self.add((Kernel::Norm, String::new()), &parameters, &[x, &norm.values], &[&y], groups);
        y
    }

    /// Attention of `queries` to `keys` of each of `batch` sets, `width` channels in `heads`.
    #[allow(clippy::too_many_arguments, reason = "three tensors and their extents")]
    pub fn attention(
        &mut self,
        [q, k, v]: [Heads; 3],
        batch: usize,
        [queries, keys]: [usize; 2],
        width: usize,
        heads: usize,
        windows: Option<Windows>,
    ) -> Tensor {
        let y = self.tensor(batch * queries, width);
        let head_dim = width / heads;
        let constants = format!(
            "const D = {}u; const WINDOWS = {}; const POOL = {};",
            head_dim / 4,
            windows.is_some(),
            windows.is_some_and(|windows| windows.pool)
        );
        let none = Windows { grid: [1, 1], side: 1, pool: false, outside: q.tensor };
        let Windows { grid: [height, columns], side, pool, outside } = windows.unwrap_or(none);
        // Queries are counted window by window, those outside the map too.
        let counted = match windows {
            Some(_) => {
                let in_window = side / if pool { 2 } else { 1 };
                height.div_ceil(side) * columns.div_ceil(side) * in_window * in_window
            }
            None => queries,
        };
        let parameters = parameters![
            batch,
            counted,
            keys,
            heads,
            1.0 / (head_dim as f32).sqrt(),
            q.tensor.width / 4,
            q.offset / 4,
            q.stride(queries),
            k.tensor.width / 4,
            k.offset / 4,
            k.stride(keys),
            v.tensor.width / 4,
            v.offset / 4,
            v.stride(keys),
            height,
            columns,
            side,
        ];
        let groups = (batch * heads * counted).div_ceil(64);
        let across = groups.min(32_768);
        let groups = [across, groups.div_ceil(across), 1];
        let inputs = [q.tensor, k.tensor, v.tensor, outside];
        self.add((Kernel::Attention, constants), &parameters, &inputs, &[&y], groups);
        y
    }

    /// As [`attention`](Self::attention), for few queries, whose tensor holds nothing else, and many keys.
    pub fn gather(
        &mut self,
        q: &Tensor,
        [k, v]: [Heads; 2],
        batch: usize,
        [queries, keys]: [usize; 2],
        heads: usize,
    ) -> Tensor {
        let y = self.tensor(batch * queries, q.width);
        let head_dim = q.width / heads;
        let parameters = parameters![
            queries,
            keys,
            heads,
            1.0 / (head_dim as f32).sqrt(),
            k.tensor.width / 4,
            k.offset / 4,
            k.stride(keys),
            v.tensor.width / 4,
            v.offset / 4,
            v.stride(keys),
        ];
        let variant = (Kernel::Gather, format!("const D = {}u;", head_dim / 4));
        self.add(variant, &parameters, &[q, k.tensor, v.tensor], &[&y], [queries, heads, batch]);
        y
    }
}

/// Rows and columns of a product that a workgroup has: many where there are enough for all, no more columns than there
/// are.
fn tile(rows: usize, columns: usize) -> [usize; 2] {
    match rows * columns >= 64 * 64 * 16 {
        true if columns <= 16 => [64, 16],
        true if columns <= 32 => [64, 32],
        true => [64, 64],
        false => [32, 32],
    }
}
