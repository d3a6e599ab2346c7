// e to the power of x, for x of 0 and less, as exact as f32 is: what a GPU has built in may be off by 3 + 2 |x| units in the last place
// (WGSL, "accuracy of built-in functions"). The softmax of large scores hands such an error on to all that follows.
fn exponential(x: f32) -> f32 {
  // x = n ln 2 + r, with ln 2 in two parts of which the first has few digits: n times it is exact (Cody and Waite).
  let t = max(x, -87.0);
  let n = round(t * 1.4426950408889634);
  let r = (t - n * 0.693359375) + n * 2.12194440e-4;
  var y = 1.9875691500e-4;
  y = y * r + 1.3981999507e-3;
  y = y * r + 8.3334519073e-3;
  y = y * r + 4.1665795894e-2;
  y = y * r + 1.6666665459e-1;
  y = y * r + 5.0000001201e-1;
  y = y * r * r + r + 1.0;
  return y * bitcast<f32>((i32(n) + 127) << 23u);
}
