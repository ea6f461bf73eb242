// sqrt: √x; the derivative at 0 is infinite

fn value(x: vec4f) -> vec4f { return root(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return 0.5 / y; }
