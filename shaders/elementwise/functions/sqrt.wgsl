// sqrt: √x; the derivative at 0 is infinite. As the power ½ of ONNX's Pow (α = 1) of −∞ it is ∞.
//
// linked with      lib/ieee

fn value(x: vec4f) -> vec4f { return select(root(x), vec4f(infinity()), are_bottom(x) & vec4<bool>(params.alpha == 1)); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return 0.5 / y; }
