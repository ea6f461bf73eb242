// sum: Σ x
//
// linked with      lib/ieee, lib/compensated

fn combine(sum: Sum, x: f32, scale: f32) -> Sum { return add(sum, x * scale, scale); }
fn rescaled(sum: Sum) -> f32 { return select(0x1p-64f, 1.0, is_finite(sum.x)); }
fn finish(sum: Sum, count: f32, scale: f32) -> f32 { return sum.x / scale; }
