// abs: |x|; the derivative at 0 is 0

fn value(x: vec4f) -> vec4f { return abs(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return keep_nans(x, sign(x)); }
