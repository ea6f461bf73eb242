// equal: 1 where a = b, else 0; NaN stands in no relation to any number

fn value(a: f32, b: f32) -> f32 { return select(0.0, 1.0, a == b && !is_nan(a) && !is_nan(b)); }
