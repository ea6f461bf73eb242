// asinh: ln(1 + a + a² / (1 + √(1 + a²))), a = |x|; where a² dwarfs 1, ln a + ln 2
//
// linked with      lib/ieee, lib/exponential

const LN2: f32 = 0.693147181;
const LARGE: vec4f = vec4f(1e4);

fn value(x: vec4f) -> vec4f {
  let a = min(abs(x), LARGE);
  let near = log1p_accurate(a + a * a / (1 + sqrt(1 + a * a)));
  return keep_nans(x, with_sign_of(x, select(near, log_accurate(abs(x)) + LN2, abs(x) > LARGE)));
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let a = min(abs(x), LARGE);
  return keep_nans(x, select(1 / sqrt(1 + a * a), 1 / abs(x), abs(x) > LARGE));
}
