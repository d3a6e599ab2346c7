//! Each kernel against a plain computation in double precision, at sizes that fill no tile.

use std::sync::LazyLock;

use super::device::Gpu;
use super::matrix::{Array, Matrix, Norm, Weights, upload};
use super::ops::{Activation, Conv, Heads, Linear, Residual, Tokens, Windows};
use super::plan::{Pipelines, Recorder, Tensor};
use burn::tensor::read_sync as block_on;

static GPU: LazyLock<Gpu> =
    LazyLock::new(|| block_on(Gpu::open()).expect("these tests need a GPU or Debian's mesa-vulkan-drivers"));
static PIPELINES: LazyLock<Pipelines> = LazyLock::new(Pipelines::default);

/// Values without a pattern, in -1..1.
fn values(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn tensor(seed: u32, rows: usize, width: usize) -> (Vec<f32>, Tensor) {
    let values = values(seed, rows * width);
    let tensor = upload(&GPU, &values, rows);
    (values, tensor)
}

/// A linear layer by its weights' names.
fn matrix(seed: u32, inputs: usize, outputs: usize) -> Matrix {
    let array = |shape: &[usize], seed| Array { shape: shape.to_vec(), values: values(seed, shape.iter().product()) };
    let arrays = [
        ("of.weight".to_owned(), array(&[outputs, inputs], seed)),
        ("of.bias".to_owned(), array(&[outputs], seed + 1)),
    ];
    Weights(arrays.into()).linear("of").unwrap()
}

/// What the operations of `record` leave in the tensor it returns.
fn run(record: impl FnOnce(&mut Recorder) -> Tensor) -> Vec<f32> {
    let mut plan = Recorder::default();
    let y = record(&mut plan);
    let kept = GPU.buffer(y.len() * 4, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    // A tensor of the plan's own is gone when the plan is done: it is copied by a product with the identity.
    let mut identity = vec![0.0; y.width * y.width];
    identity.iter_mut().step_by(y.width + 1).for_each(|value| *value = 1.0);
    let arrays = [("of.weight".to_owned(), Array { shape: vec![y.width; 2], values: identity })];
    let copy = Weights(arrays.into()).linear("of").unwrap().upload(&GPU);
    let into = Tensor::fixed(&kept, y.rows, y.width);
    plan.linear(&Linear { into: Some(&into), ..Linear::new(&y, &copy, [1, y.rows]) });
    let plan = plan.finish(&GPU, &PIPELINES);
    let mut encoder = GPU.device.create_command_encoder(&Default::default());
    plan.encode(&mut encoder);
    GPU.queue.submit([encoder.finish()]);
    block_on(GPU.read(&kept, y.len())).unwrap()
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*f) - e).abs() <= 2e-5 * (1.0 + e.abs()), "{i}: {f}, expected {e}");
    }
}

fn gelu(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.max(0.0);
    }
    // erf by its series, which is exact enough up to here.
    let (z, mut term, mut sum) = (x / 2f64.sqrt(), x / 2f64.sqrt(), 0.0);
    for n in 0..100 {
        sum += term / (2 * n + 1) as f64;
        term *= -z * z / (n + 1) as f64;
    }
    x * 0.5 * (1.0 + 2.0 / std::f64::consts::PI.sqrt() * sum)
}

/// Rows times a matrix, plus its bias.
fn product(x: &[f64], matrix: &Matrix) -> Vec<f64> {
    let at = |row: &[f64], output: usize| {
        let weights = matrix.weight.iter().skip(output).step_by(matrix.outputs);
        row.iter().zip(weights).map(|(x, w)| x * f64::from(*w)).sum::<f64>() + f64::from(matrix.bias[output])
    };
    x.chunks_exact(matrix.inputs).flat_map(|row| (0..matrix.outputs).map(move |output| at(row, output))).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn normalized(x: &[f64], width: usize, epsilon: f64) -> Vec<f64> {
    let row = |row: &[f64]| {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        row.iter().map(|x| (x - mean) / (variance + epsilon).sqrt()).collect::<Vec<_>>()
    };
    x.chunks_exact(width).flat_map(row).collect()
}

#[test]
fn a_product_adds_its_bias_activates_and_then_adds_the_residual() {
    // The second is large enough for the larger tile.
    for (rows, inputs, outputs) in [(33, 20, 52), (331, 36, 260)] {
        let (x, x_in) = tensor(1, rows, inputs);
        let (residual, residual_in) = tensor(2, rows, outputs);
        let matrix = matrix(3, inputs, outputs);
        let layer = matrix.upload(&GPU);
        for activate_last in [false, true] {
            let found = run(|plan| {
                plan.linear(&Linear {
                    activation: Activation::Gelu,
                    activate_last,
                    residual: Residual::Map(&residual_in),
                    ..Linear::new(&x_in, &layer, [1, rows])
                })
            });
            let each = product(&wide(&x), &matrix).into_iter().zip(wide(&residual));
            let expected: Vec<f64> = each.map(|(y, r)| if activate_last { gelu(y + r) } else { gelu(y) + r }).collect();
            assert_close(&found, &expected);
        }
    }
}

#[test]
fn a_folded_norm_is_the_norm_and_then_the_product() {
    let (rows, inputs, outputs) = (45, 28, 36);
    let (mut x, _) = tensor(1, rows, inputs);
    x.iter_mut().for_each(|value| *value += 3.0);
    let x_in = upload(&GPU, &x, rows);
    let matrix = matrix(2, inputs, outputs);
    let [scale, shift] = [values(5, inputs), values(6, inputs)];
    let array = |values: &[f32]| Array { shape: vec![inputs], values: values.to_vec() };
    let weights = Weights([("n.weight".to_owned(), array(&scale)), ("n.bias".to_owned(), array(&shift))].into());
    let layer = matrix.clone().after_norm(&weights, "n", 1e-6).unwrap().upload(&GPU);
    let found = run(|plan| plan.linear(&Linear::new(&x_in, &layer, [1, rows])));
    let mut normed = normalized(&wide(&x), inputs, 1e-6);
    for row in normed.chunks_exact_mut(inputs) {
        row.iter_mut()
            .zip(wide(&scale).into_iter().zip(wide(&shift)))
            .for_each(|(x, (scale, shift))| *x = *x * scale + shift);
    }
    assert_close(&found, &product(&normed, &matrix));
}

#[test]
fn a_convolution_reads_zeros_outside_the_map() {
    // The last two are large enough for the narrow tiles; patches that do not overlap have no zeros around them.
    for (kernel, stride, side, channels, outputs, batch) in
        [(7, 4, 20, 4, 36, 1), (3, 1, 5, 8, 12, 2), (2, 2, 10, 4, 20, 1), (3, 1, 75, 4, 12, 1), (3, 1, 51, 8, 28, 1)]
    {
        let padding = if kernel == stride { 0 } else { kernel / 2 };
        let conv = Conv { kernel, stride, padding, input: [side; 2] };
        let (x, x_in) = tensor(1, batch * side * side, channels);
        let matrix = matrix(2, kernel * kernel * channels, outputs);
        let layer = matrix.upload(&GPU);
        let out = side.div_ceil(stride);
        let found = run(|plan| plan.linear(&Linear { conv: Some(conv), ..Linear::new(&x_in, &layer, [out; 2]) }));
        let mut patches = Vec::new();
        for pixel in 0..batch * out * out {
            let (set, y, x_at) = (pixel / (out * out), pixel / out % out * stride, pixel % out * stride);
            for tap in 0..kernel * kernel {
                let (row, column) = (y + tap / kernel, x_at + tap % kernel);
                let inside = [row, column].iter().all(|at| (padding..side + padding).contains(at));
                for channel in 0..channels {
                    let at = || ((set * side + row - padding) * side + column - padding) * channels + channel;
                    patches.push(if inside { f64::from(x[at()]) } else { 0.0 });
                }
            }
        }
        assert_close(&found, &product(&patches, &matrix));
    }
}

#[test]
fn residuals_are_pooled_upsampled_or_come_along_the_axes() {
    let (height, width, inputs, outputs) = (6, 10, 12, 20);
    let (x, x_in) = tensor(1, height * width, inputs);
    let matrix = matrix(2, inputs, outputs);
    let layer = matrix.upload(&GPU);
    let plain = product(&wide(&x), &matrix);
    let with = |residual: Residual| {
        run(|plan| plan.linear(&Linear { residual, ..Linear::new(&x_in, &layer, [height, width]) }))
    };
    let expected = |residual: &dyn Fn(usize, usize, usize) -> f64| -> Vec<f64> {
        let at = |i: usize| (i / outputs / width, i / outputs % width, i % outputs);
        plain
            .iter()
            .enumerate()
            .map(|(i, y)| {
                let (row, column, channel) = at(i);
                y + residual(row, column, channel)
            })
            .collect()
    };

    let (large, large_in) = tensor(3, 4 * height * width, outputs + 8);
    let large_at = |row: usize, column: usize, channel: usize| {
        f64::from(large[(row * 2 * width + column) * (outputs + 8) + 8 + channel])
    };
    let pooled = |row: usize, column: usize, channel: usize| {
        let four = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(a, b)| large_at(2 * row + a, 2 * column + b, channel));
        four.into_iter().fold(f64::NEG_INFINITY, f64::max)
    };
    assert_close(&with(Residual::Pooled(&large_in, 8)), &expected(&pooled));

    let (small, small_in) = tensor(4, height * width / 4, outputs);
    let nearest = |row: usize, column: usize, channel: usize| {
        f64::from(small[(row / 2 * width / 2 + column / 2) * outputs + channel])
    };
    assert_close(&with(Residual::Upsampled(&small_in, 2)), &expected(&nearest));

    let (axes, axes_in) = tensor(5, height + width, outputs);
    let along = |row: usize, column: usize, channel: usize| {
        f64::from(axes[row * outputs + channel]) + f64::from(axes[(height + column) * outputs + channel])
    };
    assert_close(&with(Residual::Axes(&axes_in)), &expected(&along));
}

#[test]
fn shuffled_columns_are_pixels_of_a_map_twice_the_size() {
    let (height, width, inputs, channels, batch) = (3, 5, 8, 12, 2);
    let (x, x_in) = tensor(1, batch * height * width, inputs);
    let matrix = matrix(2, inputs, 4 * channels);
    let layer = matrix.upload(&GPU);
    let found = run(|plan| plan.linear(&Linear { shuffle: true, ..Linear::new(&x_in, &layer, [height, width]) }));
    let plain = product(&wide(&x), &matrix);
    let expected: Vec<f64> = (0..plain.len())
        .map(|i| {
            let (channel, column, row) = (i % channels, i / channels % (2 * width), i / channels / (2 * width));
            let pixel = row / 2 * width + column / 2;
            plain[(pixel * 4 + row % 2 * 2 + column % 2) * channels + channel]
        })
        .collect();
    assert_close(&found, &expected);
}

#[test]
fn tokens_are_added_to_projected_and_normed() {
    let (rows, inputs) = (7, 36);
    for (outputs, is_normed) in [(132, true), (300, false)] {
        let (x, x_in) = tensor(1, rows, inputs);
        let (added, added_in) = tensor(2, rows, inputs);
        let (residual, residual_in) = tensor(3, rows, outputs);
        let (norm_values, norm_in) = tensor(4, 2, outputs);
        let norm = Norm { values: norm_in, epsilon: 1e-5 };
        let matrix = matrix(5, inputs, outputs);
        let layer = matrix.upload(&GPU);
        let first = 64;
        let op = Tokens {
            added: Some((&added_in, first)),
            residual: Some(&residual_in),
            norm: is_normed.then_some(&norm),
            ..Tokens::default()
        };
        let found = run(|plan| plan.tokens(&x_in, &layer, &op));
        let sum: Vec<f64> = wide(&x).into_iter().zip(wide(&added)).map(|(x, added)| x + added).collect();
        let [with, without] = [product(&sum, &matrix), product(&wide(&x), &matrix)];
        let projected = (0..with.len()).map(|i| if i % outputs < first { with[i] } else { without[i] });
        let summed: Vec<f64> = projected.zip(wide(&residual)).map(|(y, residual)| y + residual).collect();
        let expected = match is_normed {
            false => summed,
            true => {
                let scaled = |(i, y): (usize, f64)| {
                    y * f64::from(norm_values[i % outputs]) + f64::from(norm_values[outputs + i % outputs])
                };
                normalized(&summed, outputs, 1e-5).into_iter().enumerate().map(scaled).collect()
            }
        };
        assert_close(&found, &expected);
    }
}

#[test]
fn a_norm_scales_shifts_and_activates() {
    let (rows, width) = (13, 20);
    let (x, x_in) = tensor(1, rows, width);
    let (norm_values, norm_in) = tensor(2, 2, width);
    let norm = Norm { values: norm_in, epsilon: 1e-6 };
    let found = run(|plan| plan.norm(&x_in, &norm, Activation::Gelu));
    let scaled =
        |(i, y): (usize, f64)| gelu(y * f64::from(norm_values[i % width]) + f64::from(norm_values[width + i % width]));
    let expected: Vec<f64> = normalized(&wide(&x), width, 1e-6).into_iter().enumerate().map(scaled).collect();
    assert_close(&found, &expected);
}

/// softmax(q k / sqrt(d)) v of one query of one head.
fn attended(q: &[f64], keys: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let score = |k: &[f64]| q.iter().zip(k).map(|(q, k)| q * k).sum::<f64>() / (q.len() as f64).sqrt();
    let weights: Vec<f64> = keys.iter().map(|(k, _)| score(k).exp()).collect();
    let total: f64 = weights.iter().sum();
    let channel = |i: usize| keys.iter().zip(&weights).map(|((_, v), weight)| v[i] * weight / total).sum();
    (0..q.len()).map(channel).collect()
}

#[test]
fn attention_reads_heads_where_they_lie_and_keys_of_one_set_for_all() {
    let (batch, queries, keys, heads, d) = (2, 5, 70, 3, 8);
    let width = heads * d;
    let (q, q_in) = tensor(1, batch * queries, width);
    // Keys, values and 4 channels of something else.
    let stride = 2 * width + 4;
    let (kv, kv_in) = tensor(2, keys, stride);
    let shared = |offset| Heads { tensor: &kv_in, offset, shared: true };
    let by_query = run(|plan| {
        plan.attention([Heads::new(&q_in, 0), shared(4), shared(4 + width)], batch, [queries, keys], width, heads, None)
    });
    let by_keys = run(|plan| plan.gather(&q_in, [shared(4), shared(4 + width)], batch, [queries, keys], heads));
    let mut expected = Vec::new();
    for row in 0..batch * queries {
        for head in 0..heads {
            let of = |values: &[f32], at: usize| wide(&values[at..at + d]);
            let pair = |key: usize| {
                let at = key * stride + 4 + head * d;
                (of(&kv, at), of(&kv, at + width))
            };
            expected.extend(attended(&of(&q, row * width + head * d), &(0..keys).map(pair).collect::<Vec<_>>()));
        }
    }
    assert_close(&by_query, &expected);
    assert_close(&by_keys, &expected);
}

#[test]
fn windows_reach_over_the_edge_and_queries_are_pooled() {
    let (side, heads, d) = (6, 2, 8);
    let width = heads * d;
    let (qkv, qkv_in) = tensor(1, side * side, 3 * width);
    let (outside, outside_in) = tensor(2, 1, 3 * width);
    for (window, pool) in [(4, false), (4, true), (6, true)] {
        let windows = Windows { grid: [side; 2], side: window, pool, outside: &outside_in };
        let out = if pool { side / 2 } else { side };
        let parts = [0, width, 2 * width].map(|offset| Heads::new(&qkv_in, offset));
        let found = run(|plan| plan.attention(parts, 1, [out * out, side * side], width, heads, Some(windows)));
        let at = |row: usize, column: usize, channel: usize| -> Vec<f64> {
            let inside = row < side && column < side;
            let start = if inside { (row * side + column) * 3 * width + channel } else { channel };
            wide(&(if inside { &qkv } else { &outside })[start..start + d])
        };
        let mut expected = Vec::new();
        for (row, column) in (0..out * out).map(|i| (i / out, i % out)) {
            let scale = side / out;
            let (top, left) = (row * scale / window * window, column * scale / window * window);
            for head in 0..heads {
                let largest = |a: Vec<f64>, b: Vec<f64>| a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect();
                let pooled =
                    (0..scale * scale).map(|i| at(row * scale + i / scale, column * scale + i % scale, head * d));
                let q = pooled.reduce(largest).unwrap();
                let keys = (0..window * window).map(|i| {
                    let [k, v] =
                        [width, 2 * width].map(|part| at(top + i / window, left + i % window, part + head * d));
                    (k, v)
                });
                expected.extend(attended(&q, &keys.collect::<Vec<_>>()));
            }
        }
        assert_close(&found, &expected);
    }
}
