// max: the largest x. The most negative f32 stands below every finite value; WGSL need not represent −∞.

alias Sum = f32;

const IDENTITY: Sum = -0x1.fffffep+127f;

fn combine(sum: Sum, x: f32) -> Sum { return max(sum, x); }
fn merge(p: Sum, q: Sum) -> Sum { return max(p, q); }
fn finish(sum: Sum, count: f32) -> f32 { return sum; }
