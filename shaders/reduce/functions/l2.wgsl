// l2: √Σ x², the sum compensated (Kahan)

alias Sum = vec2f;   // the sum, and what rounding has cost it so far

const IDENTITY: Sum = Sum(0.0, 0.0);

fn add(sum: Sum, x: f32) -> Sum {
  let corrected = x - sum.y;
  let total = sum.x + corrected;
  return Sum(total, (total - sum.x) - corrected);
}
fn combine(sum: Sum, x: f32) -> Sum { return add(sum, x * x); }
fn merge(p: Sum, q: Sum) -> Sum { return add(add(p, q.x), -q.y); }
fn finish(sum: Sum, count: f32) -> f32 { return sqrt(sum.x); }
