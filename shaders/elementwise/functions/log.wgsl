// log: ln x
//
// linked with      lib/exponential

fn value(x: vec4f) -> vec4f { return log_accurate(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return 1 / x; }
