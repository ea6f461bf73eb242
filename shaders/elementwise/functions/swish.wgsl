// swish: x σ(αx);  slope σ(αx) + αx σ′(αx), σ′ = e / (1 + e)² with e = e^−|αx|
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f {
  let e = exp_accurate(-abs(params.alpha * x));
  return x * select(e, vec4f(1), params.alpha * x >= vec4f()) / (1 + e);
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let v = params.alpha * x;
  let e = exp_accurate(-abs(v));
  let outer = 1 / (1 + e);
  return select(e, vec4f(1), v >= vec4f()) * outer + v * (e * outer * outer);
}
