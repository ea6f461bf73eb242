// atanh: ½ ln(1 + 2a / (1 − a)), a = |x|; the derivative is 1 / ((1 − x)(1 + x)). Undefined for |x| > 1.
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f { return keep_sign(x, 0.5 * log1p_accurate(2 * abs(x) / (1 - abs(x)))); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return keep_nans(y, 1 / ((1 - x) * (1 + x))); }
