// Mask logits: at each pixel the product of its features with each mask's weights. Lengths count vec4s.

struct Params { pixels: u32, channels: u32, first: u32, masks: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> features: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pixel = group.x * 64 + thread;
  if (pixel >= p.pixels) { return; }
  let at = (group.z * p.pixels + pixel) * p.channels;
  let mask = (group.z * 4 + p.first + group.y) * p.channels;
  var sum = vec4f(0.0);
  for (var i = 0u; i < p.channels; i++) { sum = fma(features[at + i], weights[mask + i], sum); }
  y[(group.z * p.masks + group.y) * p.pixels + pixel] = (sum.x + sum.y) + (sum.z + sum.w);
}
