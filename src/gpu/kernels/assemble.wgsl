// The decoder's tokens, row by row, each from one of three places.

struct Params { rows: u32, dim: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> learnt: array<vec4f>;
@group(0) @binding(2) var<storage, read> predicted: array<vec4f>;
@group(0) @binding(3) var<storage, read> manual: array<vec4f>;
// For each row its place (0 learnt output tokens, 1 predicted prompts, 2 a person's) and its row there.
@group(0) @binding(4) var<storage, read> sources: array<vec2u>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let source = sources[group.x];
  for (var i = thread; i < p.dim; i += 64) {
    let at = source.y * p.dim + i;
    var value = learnt[0];
    switch (source.x) {
      case 0u: { value = learnt[at]; }
      case 1u: { value = predicted[at]; }
      default: { value = manual[at]; }
    }
    y[group.x * p.dim + i] = value;
  }
}
