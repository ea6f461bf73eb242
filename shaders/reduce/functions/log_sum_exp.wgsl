// log_sum_exp: ln Σ e^x in one pass: the sum is kept relative to the largest x so far, so no exponent is above 0
//
// linked with      lib/ieee, lib/exponential

alias Sum = vec2f;   // the largest x so far, and Σ e^(x − largest)

fn identity() -> Sum { return Sum(-infinity(), 0.0); }
fn merge(p: Sum, q: Sum, scale: f32) -> Sum {
  let largest = larger(p.x, q.x);
  // What is the largest has a share of 1 even where it is infinite.
  let shares = exp_accurate(vec4f(select(p.x - largest, 0.0, p.x == largest), select(q.x - largest, 0.0, q.x == largest), 0.0, 0.0));
  return Sum(largest, p.y * shares.x + q.y * shares.y);
}
fn combine(sum: Sum, x: f32, scale: f32) -> Sum { return merge(sum, Sum(x, 1.0), scale); }
fn rescaled(sum: Sum) -> f32 { return 1.0; }
fn finish(sum: Sum, count: f32, scale: f32) -> f32 { return sum.x + log_accurate(vec4f(sum.y)).x; }
