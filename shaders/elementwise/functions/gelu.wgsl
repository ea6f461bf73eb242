// gelu: x Φ(x), Φ the integral of the normal density φ;  the derivative is Φ(x) + x φ(x)  (Hendrycks & Gimpel 2016)
//
// linked with      lib/ieee, lib/exponential, lib/error_function

const ONE_OVER_SQRT_2_PI: f32 = 0.398942280;

fn value(x: vec4f) -> vec4f { return x * normal_integral(x, exp_minus_square(x, 0.5)); }
fn slope(x: vec4f, y: vec4f) -> vec4f {
  let gauss = exp_minus_square(x, 0.5);
  return normal_integral(x, gauss) + x * ONE_OVER_SQRT_2_PI * gauss;
}
