// relu: max(x, 0); the derivative at 0 is 0

fn value(x: vec4f) -> vec4f { return keep_nans(x, max(x, vec4f())); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return keep_nans(y, select(vec4f(), vec4f(1), y > vec4f())); }
