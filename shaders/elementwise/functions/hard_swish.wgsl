// hard_swish: x · (x/6 + ½ held between 0 and 1)

const SIXTH: f32 = 1.0 / 6.0;
const REACH: vec4f = vec4f(3);

fn value(x: vec4f) -> vec4f { return x * clamped_all(x * SIXTH + 0.5, 0, 1); }
fn slope(x: vec4f, y: vec4f) -> vec4f {
  return select(select(x * (2 * SIXTH) + 0.5, vec4f(1), x >= REACH), vec4f(), x <= -REACH);
}
