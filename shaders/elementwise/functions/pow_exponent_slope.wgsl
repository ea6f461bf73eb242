// pow_exponent_slope: ∂(a^b)/∂b = a^b ln a; 0 for a = 0 and b ≥ 0
//
// linked with      lib/ieee, lib/exponential, lib/power

fn value(a: f32, b: f32) -> f32 {
  return select(power_accurate(vec4f(a), vec4f(b)).x * log_accurate(vec4f(a)).x, 0.0, a == 0.0 && b >= 0.0);
}
