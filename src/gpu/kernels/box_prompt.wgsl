// The end of the box head, and the prompts it makes: boxes left, top, right, bottom in units of the input, and the
// tokens of each structure, the two embedded corners and then the queries from the third on.

struct Params { tokens: u32, dim: u32, half_pixel: f32 }

@group(0) @binding(0) var<uniform> p: Params;
// What the head's last layer reads, [structures, dim].
@group(0) @binding(1) var<storage, read> x: array<f32>;
// The last layer's weight [4, dim] and bias; the corners' embeddings [2, dim]; the projection of positions [2, dim /
// 2].
@group(0) @binding(2) var<storage, read> layers: array<f32>;
@group(0) @binding(3) var<storage, read> queries: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(8) var<storage, read_write> boxes: array<f32>;

const TAU = 6.283185307179586;

var<workgroup> corners: array<f32, 4>;

// Sine of whole turns, to the last bits: a GPU's own sine may be off by 5e-4 (WGSL's bound).
fn sine_of_turns(turns: f32) -> f32 {
  let turn = turns - round(turns);
  let angle = (0.25 - abs(abs(turn) - 0.25)) * sign(turn) * TAU;
  let s = angle * angle;
  var series = 1.0;
  for (var k = 7.0; k > 0.0; k -= 1.0) { series = 1.0 - series * s / (2.0 * k * (2.0 * k + 1.0)); }
  return angle * series;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let structure = group.x;
  if (thread < 4) {
    var sum = layers[4 * p.dim + thread];
    for (var i = 0u; i < p.dim; i++) { sum += x[structure * p.dim + i] * layers[thread * p.dim + i]; }
    corners[thread] = 1.0 / (1.0 + exp(-sum));
  }
  workgroupBarrier();
  var corner = array<vec2f, 2>(vec2f(corners[0], corners[1]), vec2f(corners[0] + corners[2], corners[1] + corners[3]));
  if (thread < 2) {
    boxes[structure * 4 + thread * 2] = corner[thread].x;
    boxes[structure * 4 + thread * 2 + 1] = corner[thread].y;
  }
  let embeddings = 4 * p.dim + 4;
  let projection = embeddings + 2 * p.dim;
  let start = structure * p.tokens * p.dim;
  let frequencies = p.dim / 2;
  for (var i = thread; i < 2 * p.dim; i += 64) {
    let channel = i % p.dim;
    let frequency = channel % frequencies;
    let at = (corner[i / p.dim] + p.half_pixel) * 2.0 - 1.0;
    let turns = at.x * layers[projection + frequency] + at.y * layers[projection + frequencies + frequency];
    let quarter = select(0.0, 0.25, channel >= frequencies);
    y[start + i] = sine_of_turns(turns + quarter) + layers[embeddings + i];
  }
  for (var i = 2 * p.dim + thread; i < p.tokens * p.dim; i += 64) { y[start + i] = queries[start + i]; }
}
