// thresholded_relu: x where x > α, else 0

fn value(x: vec4f) -> vec4f { return keep_nans(x, select(vec4f(), x, x > vec4f(params.alpha))); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return keep_nans(x, select(vec4f(), vec4f(1), x > vec4f(params.alpha))); }
