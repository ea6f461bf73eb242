// tanh: (1 − e^−2|x|) / (1 + e^−2|x|) with the sign of x; near 0 its series, where the difference would cancel
//
// linked with      lib/ieee, lib/exponential

const SERIES_BELOW: f32 = 0.1;

fn value(x: vec4f) -> vec4f {
  let e = exp_accurate(-2 * abs(x));
  let s = x * x;
  // x − x³/3 + 2x⁵/15 − 17x⁷/315: the next term is below 1e-9 · x for |x| < 0.1
  let series = x * (1 + s * (-1.0 / 3 + s * (2.0 / 15 - s * (17.0 / 315))));
  return select(keep_sign(x, (1 - e) / (1 + e)), series, abs(x) < vec4f(SERIES_BELOW));
}
// 1 − y² as 4e / (1 + e)², which keeps its digits in the tails.
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let e = exp_accurate(-2 * abs(x));
  return 4 * e / ((1 + e) * (1 + e));
}
