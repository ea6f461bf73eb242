// fake_float: x rounded (the even one of two) to a float of α mantissa bits whose smallest step is 1 and whose largest number
// is β; straight-through, the derivative is 1 in the range

fn value(x: vec4f) -> vec4f {
  let held = min(abs(x), vec4f(params.beta));
  // The step of a number is its power of two by 2^α, and 1 for the smallest.
  let exponent = max(vec4i(bitcast<vec4u>(held) >> vec4u(23u)) - vec4i(127 + i32(params.alpha)), vec4i(0));
  let step = bitcast<vec4f>(vec4u(exponent + vec4i(127)) << vec4u(23u));
  return keep_nans(x, with_sign_of(x, round(held / step) * step));
}
fn slope(x: vec4f, y: vec4f) -> vec4f { return keep_nans(x, select(vec4f(), vec4f(1), abs(x) <= vec4f(params.beta))); }
