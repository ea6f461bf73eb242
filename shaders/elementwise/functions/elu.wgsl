// elu: x for x > 0, α (e^x − 1) below
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f { return select(params.alpha * expm1_accurate(x), x, x > vec4f()); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return select(params.alpha * exp_accurate(x), vec4f(1), x > vec4f()); }
