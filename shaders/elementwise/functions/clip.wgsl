// clip: min(max(x, α), β); the derivative is 1 strictly inside the range

fn value(x: vec4f) -> vec4f { return min(max(x, vec4f(params.alpha)), vec4f(params.beta)); }
fn slope(x: vec4f, y: vec4f) -> vec4f {
  return select(vec4f(), vec4f(1), (y > vec4f(params.alpha)) & (y < vec4f(params.beta)));
}
