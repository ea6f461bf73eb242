// min: the smallest x. The largest f32 stands above every finite value; WGSL need not represent ∞.

alias Sum = f32;

const IDENTITY: Sum = 0x1.fffffep+127f;

fn combine(sum: Sum, x: f32) -> Sum { return min(sum, x); }
fn merge(p: Sum, q: Sum) -> Sum { return min(p, q); }
fn finish(sum: Sum, count: f32) -> f32 { return sum; }
