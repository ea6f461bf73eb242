// max: the larger of a and b

fn value(a: f32, b: f32) -> f32 { return larger(a, b); }
