// mish: x tanh(ln(1 + e^x)), rational in e = e^−|x|:
//
//   tanh(ln(1 + e^x)) = (1 + 2e) / (1 + 2e + 2e²)  for x ≥ 0,      (e² + 2e) / (e² + 2e + 2)  below
//   slope             t + x (1 − t²) σ(x),  1 − t² written without the difference
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f {
  let e = exp_accurate(-abs(x));
  let right = (1 + 2 * e) / (1 + 2 * e + 2 * e * e);
  let left = (e * e + 2 * e) / (e * e + 2 * e + 2);
  return x * select(left, right, x >= vec4f());
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let e = exp_accurate(-abs(x));
  let below = 1 + 2 * e + 2 * e * e;
  let left_below = e * e + 2 * e + 2;
  // (1 − t²) σ = 4 e² (1 + e) / below² on the right, 4 e (1 + e) / left_below² on the left
  let right = (1 + 2 * e) / below + x * (4 * e * e * (1 + e) / (below * below));
  let left = (e * e + 2 * e) / left_below + x * (4 * e * (1 + e) / (left_below * left_below));
  return select(left, right, x >= vec4f());
}
