// tan: sin / cos; the derivative is 1 + tan²
//
// linked with      lib/ieee, lib/trigonometry

fn value(x: vec4f) -> vec4f { return sin_accurate(x) / cos_accurate(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return 1 + y * y; }
