// asin: by its series up to ½, by acos near 1; the derivative is 1 / √((1 − x)(1 + x)). Undefined for |x| > 1.
//
// linked with      lib/ieee, lib/trigonometry

fn value(x: vec4f) -> vec4f {
  let far = keep_sign(x, HALF_PI - acos_near_one(abs(x)));
  return select(far, asin_polynomial(x), abs(x) <= vec4f(0.5));
}
fn slope(x: vec4f, y: vec4f) -> vec4f { return 1 / root((1 - x) * (1 + x)); }
