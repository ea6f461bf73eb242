// softplus: ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|); the derivative is the sigmoid
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f { return max(x, vec4f()) + log1p_accurate(exp_accurate(-abs(x))); }
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let e = exp_accurate(-abs(x));
  return select(e, vec4f(1), x >= vec4f()) / (1 + e);
}
