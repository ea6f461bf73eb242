// power: x^p = e^(p ln x), with what rounding takes from p · ln x given back
//
// The product p ln x may be as large as 88, and its rounding error then 4e-6: it is computed in two parts, the exponent of x
// apart from its significand.
//
//   ln x = n ln 2 + ln m:   x^p = 2^⌊pn⌉ · e^((pn − ⌊pn⌉) ln 2 + p ln m)
//
// Special cases are those of IEEE 754 (§ 9.2.1, pow): x^0 = 1 and 1^p = 1 whatever x and p are, NaN included; (−1)^±∞ = 1.
//
// linked with      lib/ieee, lib/exponential

const LN2: f32 = 0.693147181;
const EXPONENT_REACH: vec4f = vec4f(250);
/// x to this power is 0, 1 or infinite for every x > 0.
const POWER_REACH: vec4f = vec4f(1e12);

fn power_magnitude(x: vec4f, given: vec4f) -> vec4f {
  let p = clamp(given, -POWER_REACH, POWER_REACH);
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

/// x^p: of negative x, signed for integer p and undefined for others. Denormal x count as 0.
fn power_accurate(x: vec4f, p: vec4f) -> vec4f {
  let magnitude = bitcast<vec4u>(x) & vec4u(MAGNITUDE);
  let zero = magnitude < vec4u(LEAST_NORMAL);
  let infinite = magnitude == vec4u(INFINITE);
  let negative = bitcast<vec4u>(x) > vec4u(MAGNITUDE);
  let whole = round(p) == p;
  let odd = abs(p - 2 * round(p * 0.5)) == vec4f(1);
  // 0 to a positive power, and ∞ to a negative one, are 0.
  let limit = select(vec4f(infinity()), vec4f(), zero == (p > vec4f()));
  let size = select(power_magnitude(abs(x), p), limit, zero | infinite);
  let signed = select(size, -size, negative & odd);
  let undefined_ = (negative & !(zero | infinite | whole)) | are_nan(x) | are_nan(p);
  return select(nan_where(undefined_, signed), vec4f(1), (p == vec4f()) | (x == vec4f(1)));
}
