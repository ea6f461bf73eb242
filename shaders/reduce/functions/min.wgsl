// min: the smallest x, NaN where one is
//
// linked with      lib/ieee

alias Sum = f32;

fn identity() -> Sum { return infinity(); }
fn combine(sum: Sum, x: f32, scale: f32) -> Sum { return smaller(sum, x); }
fn merge(p: Sum, q: Sum, scale: f32) -> Sum { return smaller(p, q); }
fn rescaled(sum: Sum) -> f32 { return 1.0; }
fn finish(sum: Sum, count: f32, scale: f32) -> f32 { return sum; }
