// A matrix product with all that stands around it: y = residual + activation(norm(x) w + bias).
//
// BM x BN outputs a workgroup, 4 x 4 a thread, 16 inputs a step. Rows are channels-last pixels or tokens; lengths and
// offsets count vec4s. NORM: each row of x has mean 0 and variance 1 first. CONV: x is a map, of which each output
// pixel reads kernel x kernel pixels (an implicit product).

struct Params {
  rows: u32, columns: u32, inner: u32, x_stride: u32, x_rows: u32, y_stride: u32,
  activation: u32, activate_last: u32, epsilon: f32,
  // The grid that a batch's rows lie on, and whether each becomes 2 x 2 pixels.
  height: u32, width: u32, shuffle: u32,
  residual: u32, residual_stride: u32, residual_offset: u32, residual_length: u32, factor: u32,
  in_height: u32, in_width: u32, channels: u32, kernel: u32, stride: u32, padding: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

const THREADS = BM * BN / 16;
const ACROSS = BN / 4;
const LANES = THREADS / BM;

var<workgroup> a_tile: array<vec4f, BM * 4>;
var<workgroup> b_tile: array<vec4f, 16 * ACROSS>;
var<workgroup> partial: array<f32, THREADS>;
var<workgroup> stats: array<vec2f, BM>;

fn sum_of_lanes(row: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += partial[row * LANES + i]; }
  return sum;
}

// Mean and 1 / deviation of each row.
fn measure(first: u32, thread: u32) {
  let row = thread / LANES;
  let lane = thread % LANES;
  let start = (min(first + row, p.rows - 1) % p.x_rows) * p.x_stride;
  let count = f32(p.inner * 4);
  var sum = 0.0;
  for (var i = lane; i < p.inner; i += LANES) { sum += dot(x[start + i], vec4f(1.0)); }
  partial[thread] = sum;
  workgroupBarrier();
  let mean = sum_of_lanes(row) / count;
  workgroupBarrier();
  var squares = 0.0;
  for (var i = lane; i < p.inner; i += LANES) {
    let d = x[start + i] - mean;
    squares += dot(d, d);
  }
  partial[thread] = squares;
  workgroupBarrier();
  if (lane == 0) { stats[row] = vec2f(mean, inverseSqrt(sum_of_lanes(row) / count + p.epsilon)); }
  workgroupBarrier();
}

fn load_x(row: u32, k: u32) -> vec4f {
  if (row >= p.rows || k >= p.inner) { return vec4f(0.0); }
  if (CONV) {
    let tap = k / p.channels;
    let plane = p.height * p.width;
    let at = row % plane;
    let in_y = i32(at / p.width * p.stride + tap / p.kernel) - i32(p.padding);
    let in_x = i32(at % p.width * p.stride + tap % p.kernel) - i32(p.padding);
    if (in_y < 0 || in_x < 0 || in_y >= i32(p.in_height) || in_x >= i32(p.in_width)) { return vec4f(0.0); }
    let pixel = (row / plane * p.in_height + u32(in_y)) * p.in_width + u32(in_x);
    return x[pixel * p.channels + k % p.channels];
  }
  return x[(row % p.x_rows) * p.x_stride + k];
}

fn read_residual(row: u32, column: u32, address: u32) -> vec4f {
  let plane = p.height * p.width;
  let at_y = row % plane / p.width;
  let at_x = row % p.width;
  switch (p.residual) {
    // A map like the output; of one picture, it serves the whole batch.
    case 1u: { return residual[address % p.residual_length]; }
    // The largest of 2 x 2 pixels of a map twice the size.
    case 2u: {
      let first = (row / plane * p.height * 2 + at_y * 2) * p.width * 2 + at_x * 2;
      let at = first * p.residual_stride + p.residual_offset + column;
      let below = at + p.width * 2 * p.residual_stride;
      return max(max(residual[at], residual[at + p.residual_stride]),
        max(residual[below], residual[below + p.residual_stride]));
    }
    // The nearest pixel of a smaller map.
    case 3u: {
      let across = p.width / p.factor;
      let source = (row / plane * (p.height / p.factor) + at_y / p.factor) * across + at_x / p.factor;
      return residual[source * p.residual_stride + column];
    }
    // A vector for the pixel's row and one for its column.
    case 4u: { return residual[at_y * p.columns + column] + residual[(p.height + at_x) * p.columns + column]; }
    default: { return vec4f(0.0); }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row = group.y * BM;
  let first_column = group.x * ACROSS;
  let tx = thread % ACROSS;
  let ty = thread / ACROSS;
  if (NORM) { measure(first_row, thread); }
  var sums = array<vec4f, 4>();
  for (var k = 0u; k < p.inner; k += 4) {
    for (var i = thread; i < BM * 4; i += THREADS) {
      var value = load_x(first_row + i / 4, k + i % 4);
      if (NORM) {
        let row = stats[i / 4];
        value = (value - row.x) * row.y;
      }
      a_tile[i] = value;
    }
    for (var i = thread; i < 16 * ACROSS; i += THREADS) {
      let row = k * 4 + i / ACROSS;
      let column = first_column + i % ACROSS;
      var value = vec4f(0.0);
      if (row < p.inner * 4 && column < p.columns) { value = weight[row * p.columns + column]; }
      b_tile[i] = value;
    }
    workgroupBarrier();
    // Summed step by step, then the steps: the error grows with neither.
    var step = array<vec4f, 4>();
    for (var j = 0u; j < 4; j++) {
      let b0 = b_tile[(j * 4) * ACROSS + tx];
      let b1 = b_tile[(j * 4 + 1) * ACROSS + tx];
      let b2 = b_tile[(j * 4 + 2) * ACROSS + tx];
      let b3 = b_tile[(j * 4 + 3) * ACROSS + tx];
      for (var i = 0u; i < 4; i++) {
        let a = a_tile[(ty * 4 + i) * 4 + j];
        step[i] = fma(vec4f(a.x), b0, fma(vec4f(a.y), b1, fma(vec4f(a.z), b2, fma(vec4f(a.w), b3, step[i]))));
      }
    }
    for (var i = 0u; i < 4; i++) { sums[i] += step[i]; }
    workgroupBarrier();
  }
  let column = first_column + tx;
  if (column >= p.columns) { return; }
  for (var i = 0u; i < 4; i++) {
    let row = first_row + ty * 4 + i;
    if (row >= p.rows) { return; }
    var address = row * p.y_stride + column;
    if (p.shuffle == 1) {
      let channels = p.columns / 4;
      let part = column / channels;
      let line = row / p.width * 2 + part / 2;
      address = (line * p.width * 2 + row % p.width * 2 + part % 2) * channels + column % channels;
    }
    var value = sums[i] + bias[column];
    if (p.activate_last == 0) { value = activate(value, p.activation); }
    value += read_residual(row, column, address);
    if (p.activate_last == 1) { value = activate(value, p.activation); }
    y[address] = value;
  }
}
