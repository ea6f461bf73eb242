// shrink: x + β below −α, x − β above α, 0 between

fn value(x: vec4f) -> vec4f {
  return select(select(vec4f(), x - params.beta, x > vec4f(params.alpha)), x + params.beta, x < vec4f(-params.alpha));
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  return select(vec4f(), vec4f(1), (x > vec4f(params.alpha)) | (x < vec4f(-params.alpha)));
}
