// neg: −x

fn value(x: vec4f) -> vec4f { return -x; }
fn slope(x: vec4f, y: vec4f) -> vec4f { return vec4f(-1); }
