// hard_sigmoid: αx + β held between 0 and 1; the derivative is α strictly between

fn value(x: vec4f) -> vec4f { return clamped_all(params.alpha * x + params.beta, 0, 1); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return masked_all(vec4f(params.alpha), y, 0, 1); }
