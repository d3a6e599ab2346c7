// A rational approximation of erf on [-4, 4], beyond which it is 1 or -1 in f32: the CPU's own (src/nn/kernels/gelu.rs).
fn erf(x: vec4f) -> vec4f {
  let t = clamp(x, vec4f(-4.0), vec4f(4.0));
  let s = t * t;
  var numerator = vec4f(-2.7261423e-10);
  numerator = numerator * s + 2.7706814e-8;
  numerator = numerator * s - 2.101024e-6;
  numerator = numerator * s - 5.6925064e-5;
  numerator = numerator * s - 7.3499063e-4;
  numerator = numerator * s - 2.9546e-3;
  numerator = numerator * s - 1.6096033e-2;
  var denominator = vec4f(-1.4566072e-5);
  denominator = denominator * s - 2.1337406e-4;
  denominator = denominator * s - 1.682827e-3;
  denominator = denominator * s - 7.373329e-3;
  denominator = denominator * s - 1.426474e-2;
  return t * numerator / denominator;
}

// 0 nothing, 1 ReLU, 2 GELU.
fn activate(x: vec4f, kind: u32) -> vec4f {
  switch (kind) {
    case 1u: { return max(x, vec4f(0.0)); }
    case 2u: { return 0.5 * x * (1.0 + erf(x * 0.7071067811865476)); }
    default: { return x; }
  }
}
