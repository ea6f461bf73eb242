// log: ln x; undefined for x < 0
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f { return log_accurate(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return keep_nans(y, 1 / x); }
