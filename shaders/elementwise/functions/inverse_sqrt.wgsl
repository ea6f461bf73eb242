// inverse_sqrt: 1 / √(x + α), the scale of a normalisation whose variance is x and whose ε is α. As the power −½ of ONNX's Pow
// (β = 1) of −∞ it is 0.
//
// linked with      lib/ieee

fn value(x: vec4f) -> vec4f { return select(1 / root(x + params.alpha), vec4f(), are_bottom(x) & vec4<bool>(params.beta == 1)); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return -0.5 * y / (x + params.alpha); }
