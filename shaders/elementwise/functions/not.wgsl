// not: 1 − x of a truth value; it has no derivative

fn value(x: vec4f) -> vec4f { return 1 - x; }
fn slope(x: vec4f, y: vec4f) -> vec4f { return vec4f(); }
