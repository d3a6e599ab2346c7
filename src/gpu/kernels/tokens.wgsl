// A linear layer on few rows: y = norm(residual + activation((x + added) w + bias)).
//
// A workgroup has 4 rows and up to 64 vec4s of columns; its threads share the inputs of a column between them.
// Lengths count vec4s. `added` goes to the columns before `added_columns` alone.

struct Params {
  rows: u32, columns: u32, inner: u32, x_stride: u32, activation: u32,
  added: u32, added_rows: u32, added_columns: u32, residual: u32, norm: u32, epsilon: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read> added: array<vec4f>;
// Weight, then bias.
@group(0) @binding(6) var<storage, read> norm: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

const THREADS = 256u;
const ROWS = 4u;

var<workgroup> shared_values: array<vec4f, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let across = min(p.columns, 64);
  let slices = THREADS / across;
  let slice = thread / across;
  let column = group.y * across + thread % across;
  let first = group.x * ROWS;
  let works = slice < slices && column < p.columns;
  let is_added = p.added == 1 && column < p.added_columns;
  var sums = array<vec4f, ROWS>();
  if (works) {
    for (var block = slice; block < p.inner; block += 8 * slices) {
      // Summed in blocks, then the blocks: the error grows with neither.
      var step = array<vec4f, ROWS>();
      for (var k = block; k < min(block + 8 * slices, p.inner); k += slices) {
        let w0 = weight[(k * 4) * p.columns + column];
        let w1 = weight[(k * 4 + 1) * p.columns + column];
        let w2 = weight[(k * 4 + 2) * p.columns + column];
        let w3 = weight[(k * 4 + 3) * p.columns + column];
        for (var i = 0u; i < ROWS; i++) {
          let row = min(first + i, p.rows - 1);
          var a = x[row * p.x_stride + k];
          if (is_added) { a += added[row % p.added_rows * p.inner + k]; }
          step[i] = fma(vec4f(a.x), w0, fma(vec4f(a.y), w1, fma(vec4f(a.z), w2, fma(vec4f(a.w), w3, step[i]))));
        }
      }
      for (var i = 0u; i < ROWS; i++) { sums[i] += step[i]; }
    }
  }
  // The first slice gathers the others' sums.
  for (var i = 0u; i < ROWS; i++) {
    shared_values[thread] = sums[i];
    workgroupBarrier();
    if (slice == 0) {
      var sum = vec4f(0.0);
      for (var s = 0u; s < slices; s++) { sum += shared_values[s * across + thread]; }
      sums[i] = sum;
    }
    workgroupBarrier();
  }
  let owns = slice == 0 && column < p.columns;
  for (var i = 0u; i < ROWS; i++) {
    let row = min(first + i, p.rows - 1);
    var value = vec4f(0.0);
    if (owns) {
      value = activate(sums[i] + bias[column], p.activation);
      if (p.residual == 1) { value += residual[row * p.columns + column]; }
    }
    if (p.norm == 1) {
      if (slice == 0) { shared_values[thread] = value; }
      workgroupBarrier();
      var sum = 0.0;
      for (var c = 0u; c < across; c += 8) {
        var part = 0.0;
        for (var d = c; d < min(c + 8, across); d++) { part += dot(shared_values[d], vec4f(1.0)); }
        sum += part;
      }
      let mean = sum / f32(across * 4);
      var squares = 0.0;
      for (var c = 0u; c < across; c += 8) {
        var part = 0.0;
        for (var e = c; e < min(c + 8, across); e++) {
          let d = shared_values[e] - mean;
          part += dot(d, d);
        }
        squares += part;
      }
      let scale = inverseSqrt(squares / f32(across * 4) + p.epsilon);
      if (owns) { value = (value - mean) * scale * norm[column] + norm[p.columns + column]; }
      workgroupBarrier();
    }
    if (owns && first + i < p.rows) { y[row * p.columns + column] = value; }
  }
}
