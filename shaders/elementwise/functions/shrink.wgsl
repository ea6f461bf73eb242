// shrink: x + β below −α, x − β above α, 0 between

fn value(x: vec4f) -> vec4f {
  let above = select(vec4f(), x - params.beta, x > vec4f(params.alpha));
  return keep_nans(x, select(above, x + params.beta, x < vec4f(-params.alpha)));
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  return keep_nans(x, select(vec4f(), vec4f(1), (x > vec4f(params.alpha)) | (x < vec4f(-params.alpha))));
}
