// round: the nearest integer, the even one of two (as WGSL's round); the derivative is 0

fn value(x: vec4f) -> vec4f { return round(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return vec4f(); }
