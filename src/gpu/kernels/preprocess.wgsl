// The bytes of a frame to the encoder's input: bilinear, normalised, zeros right and below. A pixel is red, green,
// blue, 0.

struct Params { size: u32, scale_r: f32, scale_g: f32, scale_b: f32, offset_r: f32, offset_g: f32, offset_b: f32 }

@group(0) @binding(0) var<uniform> p: Params;
// Grey bytes or red, green, blue, of the pixels that are read alone.
@group(0) @binding(1) var<storage, read> bytes: array<u32>;
// Channels and columns of `bytes`, rows and columns of the frame in the input; then for each row and each column of
// the input two places in `bytes` and their weights.
@group(0) @binding(2) var<storage, read> table: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

fn pixel(row: f32, column: f32) -> vec3f {
  let channels = u32(table[0].x);
  let at = (u32(row) * u32(table[0].y) + u32(column)) * channels;
  let byte = vec3u(at, at + min(channels - 1, 1), at + min(channels - 1, 2));
  return vec3f(
    f32((bytes[byte.x / 4] >> (byte.x % 4 * 8)) & 255),
    f32((bytes[byte.y / 4] >> (byte.y % 4 * 8)) & 255),
    f32((bytes[byte.z / 4] >> (byte.z % 4 * 8)) & 255),
  );
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  let row = id.y;
  if (column >= p.size) { return; }
  var value = vec3f(0.0);
  if (row < u32(table[0].z) && column < u32(table[0].w)) {
    let v = table[1 + row];
    let h = table[1 + p.size + column];
    let left = v.z * pixel(v.x, h.x) + v.w * pixel(v.y, h.x);
    let right = v.z * pixel(v.x, h.y) + v.w * pixel(v.y, h.y);
    let scale = vec3f(p.scale_r, p.scale_g, p.scale_b);
    value = (h.z * left + h.w * right) * scale + vec3f(p.offset_r, p.offset_g, p.offset_b);
  }
  y[row * p.size + column] = vec4f(value, 0.0);
}
