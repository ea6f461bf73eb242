// exp: e^x
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f { return exp_accurate(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return y; }
