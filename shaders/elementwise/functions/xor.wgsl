// xor: whether one of two truth values holds and the other does not

fn value(a: f32, b: f32) -> f32 { return abs(a - b); }
