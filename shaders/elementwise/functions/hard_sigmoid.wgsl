// hard_sigmoid: αx + β held between 0 and 1; the derivative is α strictly between

fn value(x: vec4f) -> vec4f { return clamp(params.alpha * x + params.beta, vec4f(), vec4f(1)); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return select(vec4f(), vec4f(params.alpha), (y > vec4f()) & (y < vec4f(1))); }
