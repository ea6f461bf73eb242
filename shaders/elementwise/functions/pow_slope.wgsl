// pow_slope: ∂(a^b)/∂a = b a^(b−1); 0 for b = 0, whatever a is
//
// linked with      lib/ieee, lib/exponential, lib/power

fn value(a: f32, b: f32) -> f32 { return select(b * power_accurate(vec4f(a), vec4f(b - 1)).x, 0.0, b == 0.0); }
