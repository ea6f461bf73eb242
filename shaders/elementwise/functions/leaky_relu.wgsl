// leaky_relu: x for x > 0, α x below; the derivative at 0 is α

fn value(x: vec4f) -> vec4f { return select(params.alpha * x, x, x > vec4f()); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return keep_nans(x, select(vec4f(params.alpha), vec4f(1), x > vec4f())); }
