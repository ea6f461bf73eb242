// reciprocal_or_zero: 1 / x, and 0 of 0: the direction of a vector of length x, with length 0 having none

fn value(x: vec4f) -> vec4f { return select(1 / x, vec4f(), x == vec4f()); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return -(y * y); }
