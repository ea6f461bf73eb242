// power: x^α;  integer powers of negative numbers have their sign, others are undefined;  slope α x^(α−1)
//
// linked with      lib/ieee, lib/exponential, lib/power

fn value(x: vec4f) -> vec4f { return power_accurate(x, vec4f(params.alpha)); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return params.alpha * power_accurate(x, vec4f(params.alpha - 1)); }
