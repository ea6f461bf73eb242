// log_sum_exp: ln Σ e^x in one pass: the sum is kept relative to the largest x so far, so no exponent is above 0
//
// linked with      lib/exponential

alias Sum = vec2f;   // the largest x so far, and Σ e^(x − largest)

const IDENTITY: Sum = Sum(-0x1.fffffep+127f, 0.0);

fn merge(p: Sum, q: Sum) -> Sum {
  let largest = max(p.x, q.x);
  // Differences of −F32_MAX with itself are 0, and its sum is 0 too: the identity stays one.
  let shares = exp_accurate(vec4f(p.x - largest, q.x - largest, 0.0, 0.0));
  return Sum(largest, p.y * shares.x + q.y * shares.y);
}
fn combine(sum: Sum, x: f32) -> Sum { return merge(sum, Sum(x, 1.0)); }
fn finish(sum: Sum, count: f32) -> f32 { return sum.x + log_accurate(vec4f(sum.y)).x; }
