// min: the smaller of a and b

fn value(a: f32, b: f32) -> f32 { return smaller(a, b); }
