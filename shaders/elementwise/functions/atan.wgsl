// atan: arctangent; arguments above tan π/8 are turned by π/4, those above tan 3π/8 by π/2 (Moshier, Cephes, atanf)

const TAN_PI_8: vec4f = vec4f(0.414213562);
const TAN_3_PI_8: vec4f = vec4f(2.41421356);
const QUARTER_PI: f32 = 0.785398163;

fn value(x: vec4f) -> vec4f {
  let a = abs(x);
  let middle = a > TAN_PI_8;
  let far = a > TAN_3_PI_8;
  let t = select(select(a, (a - 1) / (a + 1), middle), -1 / a, far);
  let turn = select(select(vec4f(), vec4f(QUARTER_PI), middle), vec4f(2 * QUARTER_PI), far);
  let z = t * t;
  let y = (((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1) * z * t + t;
  return with_sign_of(x, turn + y);
}
fn slope(x: vec4f, y: vec4f) -> vec4f { return 1 / (1 + x * x); }
