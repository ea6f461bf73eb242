// pow: a^b, element by element
//
// linked with      lib/ieee, lib/exponential, lib/power

fn value(a: f32, b: f32) -> f32 { return power_accurate(vec4f(a), vec4f(b)).x; }
