// erf by Abramowitz and Stegun 7.1.26, at most 1.5e-7 off.
fn erf(x: vec4f) -> vec4f {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - series * exp(-a * a));
}

fn activate(x: vec4f, kind: u32) -> vec4f {
  switch (kind) {
    case 1u: { return max(x, vec4f(0.0)); }
    case 2u: { return 0.5 * x * (1.0 + erf(x * 0.7071067811865476)); }
    default: { return x; }
  }
}
