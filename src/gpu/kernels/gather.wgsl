// Attention of few queries to many keys: a workgroup for a query of a head, whose threads share the keys. D vec4s a
// head; strides and offsets count vec4s.

struct Params {
  queries: u32, keys: u32, heads: u32, scale: f32,
  k_stride: u32, k_offset: u32, k_batch: u32, v_stride: u32, v_offset: u32, v_batch: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q_in: array<vec4f>;
@group(0) @binding(2) var<storage, read> k_in: array<vec4f>;
@group(0) @binding(3) var<storage, read> v_in: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

const THREADS = 64u;

var<workgroup> maxima: array<f32, THREADS>;
var<workgroup> totals: array<f32, THREADS>;
var<workgroup> sums: array<vec4f, THREADS * D>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.y;
  let at = ((group.z * p.queries + group.x) * p.heads + head) * D;
  let k_start = group.z * p.k_batch + p.k_offset + head * D;
  let v_start = group.z * p.v_batch + p.v_offset + head * D;
  var q: array<vec4f, D>;
  for (var i = 0u; i < D; i++) { q[i] = p.scale * q_in[at + i]; }
  var highest = -1e30;
  var total = 0.0;
  var sum: array<vec4f, D>;
  for (var key = thread; key < p.keys; key += THREADS) {
    var products = vec4f(0.0);
    for (var i = 0u; i < D; i++) { products = fma(q[i], k_in[k_start + key * p.k_stride + i], products); }
    let score = (products.x + products.y) + (products.z + products.w);
    if (score > highest) {
      let shrink = exponential(highest - score);
      highest = score;
      total *= shrink;
      for (var i = 0u; i < D; i++) { sum[i] *= shrink; }
    }
    let weight = exponential(score - highest);
    total += weight;
    for (var i = 0u; i < D; i++) { sum[i] = fma(vec4f(weight), v_in[v_start + key * p.v_stride + i], sum[i]); }
  }
  maxima[thread] = highest;
  totals[thread] = total;
  for (var i = 0u; i < D; i++) { sums[thread * D + i] = sum[i]; }
  for (var half = THREADS / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (thread < half) {
      let other = thread + half;
      let both = max(maxima[thread], maxima[other]);
      let a = exponential(maxima[thread] - both);
      let b = exponential(maxima[other] - both);
      maxima[thread] = both;
      totals[thread] = totals[thread] * a + totals[other] * b;
      for (var i = 0u; i < D; i++) { sums[thread * D + i] = sums[thread * D + i] * a + sums[other * D + i] * b; }
    }
  }
  workgroupBarrier();
  for (var i = thread; i < D; i += THREADS) { y[at + i] = sums[i] / totals[0]; }
}
