// softsign: x / (1 + |x|)

fn value(x: vec4f) -> vec4f { return x / (1 + abs(x)); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return 1 / ((1 + abs(x)) * (1 + abs(x))); }
