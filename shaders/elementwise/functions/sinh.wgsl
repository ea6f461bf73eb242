// sinh: by its series below 1; above, e^|x| in two factors, since it may overflow where its half does not
//
// linked with      lib/ieee, lib/exponential

fn value(x: vec4f) -> vec4f {
  let z = x * x;
  let near = ((2.03721912945e-4 * z + 8.33028376239e-3) * z + 1.66667160211e-1) * z * x + x;
  let h = exp_accurate(0.5 * abs(x));
  return select(keep_sign(x, 0.5 * h * h - 0.5 / h / h), near, abs(x) < vec4f(1));
}
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let h = exp_accurate(0.5 * abs(x));
  return 0.5 * h * h + 0.5 / h / h;
}
