// sigmoid: 1 / (1 + e^−x), written so that neither tail overflows:  e = e^−|x|,  x ≥ 0: 1/(1+e),  x < 0: e/(1+e)
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f {
  let e = exp_accurate(-abs(x));
  return select(e, vec4f(1), x >= vec4f()) / (1 + e);
}
// y (1 − y) loses every digit where y rounds to 1; e / (1 + e)² does not.
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let e = exp_accurate(-abs(x));
  return e / ((1 + e) * (1 + e));
}
