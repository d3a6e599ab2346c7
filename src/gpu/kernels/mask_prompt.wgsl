// A mask prompt into the image embedding: y = image + downscaled mask, one token a workgroup.
//
// SOURCE 0: the mask comes from the predictor's hidden map by its last layer and is kept in `mask_out`; 1: `x` is the
// mask; 2: there is none, and `layers` is the embedding of that. Else the constants of `layers` in their order: the
// last layer's weight and bias; the first convolution's weight [4, 4] and bias, its norm's weight and bias; the
// second's weight [16, 4 positions, 4] and bias, its norm's; the third's weight [dim, 16] and bias.

struct Params { tokens_across: u32, tokens: u32, hidden: u32, dim: u32, epsilon: f32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> layers: array<f32>;
@group(0) @binding(3) var<storage, read> image: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(8) var<storage, read_write> mask_out: array<f32>;

const THREADS = 64u;

var<workgroup> mask: array<f32, 16>;
var<workgroup> quarter: array<f32, 16>;
var<workgroup> narrow: array<f32, 16>;

fn gelu(x: f32) -> f32 { return activate(vec4f(x), 2u).x; }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let token = group.x;
  if (SOURCE == 2) {
    for (var c = thread; c < p.dim; c += THREADS) { y[token * p.dim + c] = layers[c] + image[token * p.dim + c]; }
    return;
  }
  let side = p.tokens_across * 4;
  let first = p.hidden + 1;
  if (thread < 16) {
    let row = token / p.tokens_across * 4 + thread / 4;
    let column = token % p.tokens_across * 4 + thread % 4;
    let at = (group.y * side + row) * side + column;
    if (SOURCE == 0) {
      var sum = 0.0;
      for (var i = 0u; i < p.hidden; i++) { sum += x[at * p.hidden + i] * layers[i]; }
      mask[thread] = sum + layers[p.hidden];
      mask_out[at] = mask[thread];
    } else {
      mask[thread] = x[at];
    }
  }
  workgroupBarrier();
  // Four positions: the first convolution's four channels, their norm and GELU.
  if (thread < 4) {
    let corner = thread / 2 * 8 + thread % 2 * 2;
    let patch_values = vec4f(mask[corner], mask[corner + 1], mask[corner + 4], mask[corner + 5]);
    var values: vec4f;
    for (var c = 0u; c < 4; c++) {
      let at = first + c * 4;
      let weight = vec4f(layers[at], layers[at + 1], layers[at + 2], layers[at + 3]);
      values[c] = dot(patch_values, weight) + layers[first + 16 + c];
    }
    let centred = values - dot(values, vec4f(0.25));
    let scaled = centred * inverseSqrt(dot(centred, centred) * 0.25 + p.epsilon);
    for (var c = 0u; c < 4; c++) {
      quarter[thread * 4 + c] = gelu(scaled[c] * layers[first + 20 + c] + layers[first + 24 + c]);
    }
  }
  workgroupBarrier();
  let second = first + 28;
  if (thread < 16) {
    var sum = layers[second + 256 + thread];
    for (var i = 0u; i < 16; i++) { sum += quarter[i] * layers[second + thread * 16 + i]; }
    narrow[thread] = sum;
  }
  workgroupBarrier();
  var mean = 0.0;
  for (var i = 0u; i < 16; i++) { mean += narrow[i] / 16.0; }
  var variance = 0.0;
  for (var i = 0u; i < 16; i++) { variance += (narrow[i] - mean) * (narrow[i] - mean) / 16.0; }
  workgroupBarrier();
  if (thread < 16) {
    let scaled = (narrow[thread] - mean) * inverseSqrt(variance + p.epsilon);
    narrow[thread] = gelu(scaled * layers[second + 272 + thread] + layers[second + 288 + thread]);
  }
  workgroupBarrier();
  let third = second + 304;
  for (var c = thread; c < p.dim; c += THREADS) {
    var sum = layers[third + p.dim * 16 + c];
    for (var i = 0u; i < 16; i++) { sum += narrow[i] * layers[third + c * 16 + i]; }
    y[(group.y * p.tokens + token) * p.dim + c] = sum + image[token * p.dim + c];
  }
}
