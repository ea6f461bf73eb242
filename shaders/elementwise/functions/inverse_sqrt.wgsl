// inverse_sqrt: 1 / √(x + α), the scale of a normalisation whose variance is x and whose ε is α

fn value(x: vec4f) -> vec4f { return 1 / root(x + params.alpha); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return -0.5 * y / (x + params.alpha); }
