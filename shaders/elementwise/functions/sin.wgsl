// sin: sine
//
// linked with      lib/ieee, lib/trigonometry

fn value(x: vec4f) -> vec4f { return sin_accurate(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return cos_accurate(x); }
