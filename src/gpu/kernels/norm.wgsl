// Layer norm of each row, then an activation. Eight rows a workgroup, eight threads a row; lengths count vec4s.

struct Params { rows: u32, columns: u32, activation: u32, epsilon: f32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
// Weight, then bias.
@group(0) @binding(2) var<storage, read> norm: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

const LANES = 8u;

var<workgroup> partial: array<f32, 64>;

fn sum_of_lanes(row: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += partial[row * LANES + i]; }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let local_row = thread / LANES;
  let lane = thread % LANES;
  let row = group.x * 8 + local_row;
  let start = min(row, p.rows - 1) * p.columns;
  var sum = 0.0;
  for (var i = lane; i < p.columns; i += LANES) { sum += dot(x[start + i], vec4f(1.0)); }
  partial[thread] = sum;
  workgroupBarrier();
  let mean = sum_of_lanes(local_row) / f32(p.columns * 4);
  workgroupBarrier();
  var squares = 0.0;
  for (var i = lane; i < p.columns; i += LANES) {
    let d = x[start + i] - mean;
    squares += dot(d, d);
  }
  partial[thread] = squares;
  workgroupBarrier();
  let scale = inverseSqrt(sum_of_lanes(local_row) / f32(p.columns * 4) + p.epsilon);
  if (row >= p.rows) { return; }
  for (var i = lane; i < p.columns; i += LANES) {
    y[start + i] = activate((x[start + i] - mean) * scale * norm[i] + norm[p.columns + i], p.activation);
  }
}
