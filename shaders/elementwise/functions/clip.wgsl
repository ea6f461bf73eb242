// clip: min(max(x, α), β); the derivative is 1 strictly inside the range

fn value(x: vec4f) -> vec4f { return clamped_all(x, params.alpha, params.beta); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return masked_all(vec4f(1), y, params.alpha, params.beta); }
