// acosh: ln(1 + t + √(t (t + 2))), t = x − 1; where x² dwarfs 1, ln x + ln 2. Undefined for x < 1.
//
// linked with      lib/ieee, lib/exponential

const LN2: f32 = 0.693147181;
const LARGE: vec4f = vec4f(1e4);

fn value(x: vec4f) -> vec4f {
  let t = min(x, LARGE) - 1;
  let y = select(log1p_accurate(t + sqrt(t * (t + 2))), log_accurate(x) + LN2, x > LARGE);
  return keep_nans(x, nan_where(x < vec4f(1), y));
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let t = min(x, LARGE) - 1;
  return keep_nans(y, select(1 / sqrt(t * (t + 2)), 1 / x, x > LARGE));
}
