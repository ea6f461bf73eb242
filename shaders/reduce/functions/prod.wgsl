// prod: Π x

alias Sum = f32;

const IDENTITY: Sum = 1.0;

fn combine(sum: Sum, x: f32) -> Sum { return sum * x; }
fn merge(p: Sum, q: Sum) -> Sum { return p * q; }
fn finish(sum: Sum, count: f32) -> f32 { return sum; }
