// gelu_tanh: ½ x (1 + tanh u), u = √(2/π) (x + 0.044715 x³), which is x σ(2u): written so, its left tail keeps its digits
//
//   slope   σ(2u) + x σ′(2u) 2u′
//
// linked with      lib/ieee, lib/exponential

const TWICE_SQRT_2_OVER_PI: f32 = 1.59576912;
const CUBIC: f32 = 0.044715;
/// Beyond it e is 0 or infinite, and x² may be.
const LARGEST_SQUARE: vec4f = vec4f(1e8);

fn value(x: vec4f) -> vec4f {
  let z = min(x * x, LARGEST_SQUARE);
  let v = TWICE_SQRT_2_OVER_PI * x * (1 + CUBIC * z);
  let e = exp_accurate(-abs(v));
  return x * select(e, vec4f(1), v >= vec4f()) / (1 + e);
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let z = min(x * x, LARGEST_SQUARE);
  let v = TWICE_SQRT_2_OVER_PI * x * (1 + CUBIC * z);
  let e = exp_accurate(-abs(v));
  let outer = 1 / (1 + e);
  return select(e, vec4f(1), v >= vec4f()) * outer + x * (e * outer * outer) * TWICE_SQRT_2_OVER_PI * (1 + 3 * CUBIC * z);
}
