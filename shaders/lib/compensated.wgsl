// compensated: sums whose error does not grow with the number of terms (Kahan 1965).
//
// A sum that overflows is made once more of scaled terms, since it may do so on the way to a result that does not. That second
// sum is a plain one: ∞ has no rounding error, and ∞ − ∞ would turn it into NaN.
//
// linked into reduce/functions/*

alias Sum = vec2f;   // the sum, and what rounding has cost it so far

fn identity() -> Sum { return Sum(); }

fn add(sum: Sum, x: f32, scale: f32) -> Sum {
  let corrected = x - sum.y;
  let total = sum.x + corrected;
  return Sum(total, select(0.0, (total - sum.x) - corrected, scale == 1.0));
}
fn merge(p: Sum, q: Sum, scale: f32) -> Sum { return add(add(p, q.x, scale), -q.y, scale); }
