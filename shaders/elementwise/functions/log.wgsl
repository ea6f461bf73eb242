// log: ln x

fn value(x: vec4f) -> vec4f { return log(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return 1 / x; }
