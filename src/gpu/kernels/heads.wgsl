// The decoder's heads: each of the first six tokens through three layers of its own (object score, IoU, four masks). A
// workgroup has one token of one set of prompts. Scores go to `scores`, 8 a set: object score, then four IoUs.

struct Params { tokens: u32, dim: u32, outputs: u32, scores_at: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
// For each head [dim, dim], [dim], [dim, dim], [dim], [dim, outputs], [outputs], the inputs first.
@group(0) @binding(2) var<storage, read> layers: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(8) var<storage, read_write> scores: array<f32>;

const THREADS = 256u;

var<workgroup> values: array<f32, THREADS>;

fn layer(start: u32, outputs: u32, thread: u32) -> f32 {
  if (thread >= outputs) { return 0.0; }
  var sum = vec4f(0.0);
  for (var k = 0u; k < p.dim; k += 4) {
    let at = start + k * outputs + thread;
    let weight = vec4f(layers[at], layers[at + outputs], layers[at + 2 * outputs], layers[at + 3 * outputs]);
    sum = fma(vec4f(values[k], values[k + 1], values[k + 2], values[k + 3]), weight, sum);
  }
  return (sum.x + sum.y) + (sum.z + sum.w) + layers[start + p.dim * outputs + thread];
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.x;
  let wide = p.dim * (p.dim + 1);
  let start = head * (2 * wide + (p.dim + 1) * p.outputs);
  if (thread < p.dim) { values[thread] = x[(group.y * p.tokens + head) * p.dim + thread]; }
  workgroupBarrier();
  for (var i = 0u; i < 2; i++) {
    let value = max(layer(start + i * wide, p.dim, thread), 0.0);
    workgroupBarrier();
    if (thread < p.dim) { values[thread] = value; }
    workgroupBarrier();
  }
  let value = layer(start + 2 * wide, p.outputs, thread);
  if (thread >= p.outputs) { return; }
  if (head == 0) {
    if (thread == 0) { scores[p.scores_at + group.y * 8] = value; }
  } else if (head == 1) {
    if (thread < 4) { scores[p.scores_at + group.y * 8 + 1 + thread] = 1.0 / (1.0 + exp(-value)); }
  } else {
    y[(group.y * 4 + head - 2) * p.outputs + thread] = value;
  }
}
