// reciprocal: 1 / x

fn value(x: vec4f) -> vec4f { return 1 / x; }
fn slope(x: vec4f, y: vec4f) -> vec4f { return -(y * y); }
