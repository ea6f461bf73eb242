// l2: √Σ x². Squares overflow, and vanish, where x is still far from both; terms are then scaled.
//
// linked with      lib/ieee, lib/compensated

fn combine(sum: Sum, x: f32, scale: f32) -> Sum { return add(sum, x * scale * (x * scale), scale); }
fn rescaled(sum: Sum) -> f32 { return select(select(0x1p-80f, 1.0, is_finite(sum.x)), 0x1p80f, sum.x < 0x1p-80f); }
fn finish(sum: Sum, count: f32, scale: f32) -> f32 { return root(vec4f(sum.x)).x / scale; }
