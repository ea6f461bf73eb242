// acos: π/2 − asin x up to ½, twice the half angle's beyond; the derivative is −1 / √((1 − x)(1 + x)). Undefined for |x| > 1.
//
// linked with      lib/ieee, lib/trigonometry

fn value(x: vec4f) -> vec4f {
  let near = acos_near_one(abs(x));
  let far = select(near, 2 * HALF_PI - near, x < vec4f());
  return select(far, HALF_PI - asin_polynomial(x), abs(x) <= vec4f(0.5));
}
fn slope(x: vec4f, y: vec4f) -> vec4f { return -1 / root((1 - x) * (1 + x)); }
