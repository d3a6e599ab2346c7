// softmax(scale q k) v, one thread for a query of a head, the keys one after the other: scores are never in memory,
// and heads and windows are read where they lie. D vec4s a head; strides and offsets count vec4s.
//
// WINDOWS: tokens lie on a map and attend within windows of it; a window that reaches over the map's edge has
// `outside` there (what a token of zeros projects to, keys and values). POOL: the largest of 2 x 2 queries, on a map
// of half the size.

struct Params {
  batch: u32, queries: u32, keys: u32, heads: u32, scale: f32,
  q_stride: u32, q_offset: u32, q_batch: u32,
  k_stride: u32, k_offset: u32, k_batch: u32,
  v_stride: u32, v_offset: u32, v_batch: u32,
  height: u32, width: u32, window: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q_in: array<vec4f>;
@group(0) @binding(2) var<storage, read> k_in: array<vec4f>;
@group(0) @binding(3) var<storage, read> v_in: array<vec4f>;
@group(0) @binding(4) var<storage, read> outside: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

var<private> q: array<vec4f, D>;
// Of the last few keys; then of all before them. Summed in blocks, then the blocks: the error grows with neither.
var<private> block: array<vec4f, D>;
var<private> block_total: f32;
var<private> block_keys: u32;
var<private> sum: array<vec4f, D>;
var<private> total: f32;
var<private> highest: f32;

// The block joins what was summed before.
fn close_block() {
  for (var i = 0u; i < D; i++) {
    sum[i] += block[i];
    block[i] = vec4f(0.0);
  }
  total += block_total;
  block_total = 0.0;
  block_keys = 0;
}

// The weight of a score against the highest so far; what was summed shrinks when that rises.
fn weigh(score: f32) -> f32 {
  if (score > highest) {
    close_block();
    let shrink = exponential(highest - score);
    highest = score;
    total *= shrink;
    for (var i = 0u; i < D; i++) { sum[i] *= shrink; }
  } else if (block_keys == 32) {
    close_block();
  }
  let weight = exponential(score - highest);
  block_total += weight;
  block_keys++;
  return weight;
}

// A key and its value, by where they start.
fn attend(k: u32, v: u32) {
  var products = vec4f(0.0);
  for (var i = 0u; i < D; i++) { products = fma(q[i], k_in[k + i], products); }
  let score = (products.x + products.y) + (products.z + products.w);
  let weight = weigh(score);
  for (var i = 0u; i < D; i++) { block[i] = fma(vec4f(weight), v_in[v + i], block[i]); }
}

fn attend_outside(k: u32, v: u32) {
  var products = vec4f(0.0);
  for (var i = 0u; i < D; i++) { products = fma(q[i], outside[k + i], products); }
  let score = (products.x + products.y) + (products.z + products.w);
  let weight = weigh(score);
  for (var i = 0u; i < D; i++) { block[i] = fma(vec4f(weight), outside[v + i], block[i]); }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let id = (group.y * groups.x + group.x) * 64 + thread;
  if (id >= p.batch * p.heads * p.queries) { return; }
  let query = id % p.queries;
  let head = id / p.queries % p.heads;
  let batch = id / p.queries / p.heads;
  let in_head = head * D;
  let k_start = batch * p.k_batch + p.k_offset + in_head;
  let v_start = batch * p.v_batch + p.v_offset + in_head;
  highest = -1e30;

  var row = query;
  var left = 0u;
  var top = 0u;
  if (WINDOWS) {
    // Queries are counted window by window.
    var side = p.window;
    var width = p.width;
    var height = p.height;
    if (POOL) {
      side /= 2;
      width /= 2;
      height /= 2;
    }
    let across = (p.width + p.window - 1) / p.window;
    let window = query / (side * side);
    let at = query % (side * side);
    let out_y = window / across * side + at / side;
    let out_x = window % across * side + at % side;
    if (out_y >= height || out_x >= width) { return; }
    row = out_y * width + out_x;
    top = window / across * p.window;
    left = window % across * p.window;
  }
  let q_start = batch * p.q_batch + p.q_offset + in_head;
  if (POOL) {
    let half_width = p.width / 2;
    let first = q_start + (row / half_width * 2 * p.width + row % half_width * 2) * p.q_stride;
    let below = first + p.width * p.q_stride;
    for (var i = 0u; i < D; i++) {
      q[i] = p.scale * max(max(q_in[first + i], q_in[first + p.q_stride + i]),
        max(q_in[below + i], q_in[below + p.q_stride + i]));
    }
  } else {
    for (var i = 0u; i < D; i++) { q[i] = p.scale * q_in[q_start + row * p.q_stride + i]; }
  }

  if (WINDOWS) {
    for (var key_y = top; key_y < top + p.window; key_y++) {
      for (var key_x = left; key_x < left + p.window; key_x++) {
        if (key_y < p.height && key_x < p.width) {
          let key = key_y * p.width + key_x;
          attend(k_start + key * p.k_stride, v_start + key * p.v_stride);
        } else {
          attend_outside(p.k_offset + in_head, p.v_offset + in_head);
        }
      }
    }
  } else {
    for (var key = 0u; key < p.keys; key++) { attend(k_start + key * p.k_stride, v_start + key * p.v_stride); }
  }
  close_block();
  let at = ((batch * p.queries + row) * p.heads + head) * D;
  for (var i = 0u; i < D; i++) { y[at + i] = sum[i] / total; }
}
