// prod: Π x. Exponents are summed apart, so that only the product itself overflows or vanishes, and none on the way to it.
//
// linked with      lib/ieee, lib/exponential

alias Sum = vec2f;   // a significand of 1 ≤ |m| < 2, or what has no exponent: 0, ∞, NaN; and the exponent

fn identity() -> Sum { return Sum(1.0, 0.0); }
fn apart(x: f32) -> Sum {
  let bits = bitcast<u32>(x);
  let exponent = (bits & MAGNITUDE) >> 23u;
  if (exponent == 0u || exponent == 255u) { return Sum(x, 0.0); }
  return Sum(bitcast<f32>((bits & 0x807fffffu) | 0x3f800000u), f32(exponent) - 127.0);
}
fn merge(p: Sum, q: Sum, scale: f32) -> Sum { return apart(p.x * q.x) + Sum(0.0, p.y + q.y); }
fn combine(sum: Sum, x: f32, scale: f32) -> Sum { return merge(sum, apart(x), scale); }
fn rescaled(sum: Sum) -> f32 { return 1.0; }
fn finish(sum: Sum, count: f32, scale: f32) -> f32 {
  return scale_by_power(vec4f(sum.x), vec4i(i32(clamp(sum.y, -250.0, 250.0)))).x;
}
