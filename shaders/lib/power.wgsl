// power: x^p = e^(p ln x), with what rounding takes from p · ln x given back
//
// The product p ln x may be as large as 88, and its rounding error then 4e-6: it is computed in two parts, the exponent of x
// apart from its significand.
//
//   ln x = n ln 2 + ln m:   x^p = 2^⌊pn⌉ · e^((pn − ⌊pn⌉) ln 2 + p ln m)
//
// linked with      lib/exponential

const LN2: f32 = 0.693147181;
const EXPONENT_REACH: vec4f = vec4f(250);

fn power_magnitude(x: vec4f, p: vec4f) -> vec4f {
  let bits = bitcast<vec4i>(x);
  let exponent = (bits - SQRT_HALF_BITS) >> SIGNIFICAND_BITS;
  let m = bitcast<vec4f>(bits - (exponent << SIGNIFICAND_BITS));
  let n = vec4f(exponent);
  let product = p * n;
  let whole = clamp(round(product), -EXPONENT_REACH, EXPONENT_REACH);
  let fraction = (product - whole) + fma(p, n, -product);
  let rest = clamp(fraction * LN2 + p * log_accurate(m), vec4f(-EXP_REACH), vec4f(EXP_REACH));
  return scale_by_power(exp_accurate(rest), vec4i(whole));
}

/// x^p: 1 for p = 0; of 0, 0 for p > 0 and infinite below; of negative x, signed for integer p and undefined for others.
fn power_accurate(x: vec4f, p: vec4f) -> vec4f {
  let magnitude = power_magnitude(abs(x), p);
  let whole = round(p) == p;
  let odd = abs(p - 2 * round(p * 0.5)) == vec4f(1);
  let undefined_ = sqrt(select(vec4f(1), x, (x < vec4f()) & !whole));
  let of_zero = select(vec4f(), 1 / abs(x), p < vec4f());
  let signed = select(magnitude, -magnitude, (x < vec4f()) & odd);
  let result = select(signed, of_zero, x == vec4f());
  return select(select(result, undefined_, (x < vec4f()) & !whole), vec4f(1), p == vec4f());
}
