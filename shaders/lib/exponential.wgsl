// exponential: e^x, ln x, e^x − 1 and ln(1 + x) to about one unit in the last place.
//
// WGSL grants its own exp() 3 + 2|x| units (at x = −80 that is a relative error of 2e-5) and its own log() an absolute error
// of 2⁻²¹ near 1, where the logarithm itself is small. Tails of activations and their derivatives need better.
//
//   exp    x = n ln 2 + r, |r| ≤ ln 2 / 2:  e^x = 2ⁿ e^r, with ln 2 in two parts so that n ln 2 loses nothing
//   log    x = 2ⁿ m, √½ ≤ m < √2:           ln x = n ln 2 + ln(1 + f), f = m − 1
//
// Polynomials: Moshier, Cephes Math Library (expf, logf). Results below the least normal number may be zero, those above the
// largest are infinite. NaN stays NaN; e^−∞ = 0, ln 0 = −∞, and ln x is NaN for x < 0.
//
// linked with      lib/ieee

const LOG2_E: f32 = 1.44269504;
const LN2_HIGH: f32 = 0.693359375;   // nine bits: its product with an exponent is exact
const LN2_LOW: f32 = -2.12194440e-4;
const SIGNIFICAND_BITS: vec4u = vec4u(23);
const EXPONENT_BIAS: vec4i = vec4i(127);
const SQRT_HALF_BITS: vec4i = vec4i(0x3f3504f3);
const LEAST_NORMAL: u32 = 0x00800000u;
const DENORMAL_EXPONENT: vec4i = vec4i(149);
/// Beyond it e^x is infinite, or zero, in f32; the two factors of 2ⁿ stay finite.
const EXP_REACH: f32 = 170.0;
/// |x| up to which the polynomials of e^r and ln(1 + f) hold by themselves.
const HALF_LN2: f32 = 0.34657359;
const LOG1P_REACH: f32 = 0.28;

/// e^r − 1 for |r| ≤ ln 2 / 2
fn exp_polynomial(r: vec4f) -> vec4f {
  let p = ((((1.9875691500e-4 * r + 1.3981999507e-3) * r + 8.3334519073e-3) * r + 4.1665795894e-2) * r + 1.6666665459e-1) * r
    + 5.0000001201e-1;
  return p * r * r + r;
}

/// y · 2ⁿ, in two factors since 2ⁿ itself may leave the range
fn scale_by_power(y: vec4f, n: vec4i) -> vec4f {
  let half = n / 2;
  let first = bitcast<vec4f>((half + EXPONENT_BIAS) << SIGNIFICAND_BITS);
  let second = bitcast<vec4f>((n - half + EXPONENT_BIAS) << SIGNIFICAND_BITS);
  return y * first * second;
}

fn exp_accurate(x: vec4f) -> vec4f {
  let within = clamp(x, vec4f(-EXP_REACH), vec4f(EXP_REACH));
  let n = round(within * LOG2_E);
  let r = (within - n * LN2_HIGH) - n * LN2_LOW;
  return keep_nans(x, scale_by_power(exp_polynomial(r) + 1, vec4i(n)));
}

/// e^x − 1
fn expm1_accurate(x: vec4f) -> vec4f {
  return select(exp_accurate(x) - 1, exp_polynomial(x), abs(x) <= vec4f(HALF_LN2));
}

/// ln(1 + f) − f + f²/2 for √½ − 1 ≤ f < √2 − 1
fn log_polynomial(f: vec4f) -> vec4f {
  let p = (((((((7.0376836292e-2 * f - 1.1514610310e-1) * f + 1.1676998740e-1) * f - 1.2420140846e-1) * f + 1.4249322787e-1) * f
    - 1.6668057665e-1) * f + 2.0000714765e-1) * f - 2.4999993993e-1) * f + 3.3333331174e-1;
  return p * f * f * f;
}

fn log_accurate(x: vec4f) -> vec4f {
  // A denormal is m · 2⁻¹⁴⁹, m being its bits. Read as such, it is right even where arithmetic takes it for 0.
  let magnitude = bitcast<vec4u>(x) & vec4u(MAGNITUDE);
  let denormal = magnitude < vec4u(LEAST_NORMAL);
  let bits = bitcast<vec4i>(select(bitcast<vec4f>(magnitude), vec4f(magnitude), denormal));
  let exponent = (bits - SQRT_HALF_BITS) >> SIGNIFICAND_BITS;
  let n = vec4f(exponent - select(vec4i(), DENORMAL_EXPONENT, denormal));
  let f = bitcast<vec4f>(bits - (exponent << SIGNIFICAND_BITS)) - 1;
  let y = (f + (log_polynomial(f) + n * LN2_LOW - 0.5 * f * f)) + n * LN2_HIGH;
  let unbounded = select(x, vec4f(-infinity()), magnitude == vec4u());
  let real = select(y, unbounded, (magnitude >= vec4u(INFINITE)) | (magnitude == vec4u()));
  return nan_where(bitcast<vec4u>(x) > vec4u(~MAGNITUDE), real);
}

/// ln(1 + x)
fn log1p_accurate(x: vec4f) -> vec4f {
  let near = x + (log_polynomial(x) - 0.5 * x * x);
  return select(log_accurate(1 + x), near, abs(x) < vec4f(LOG1P_REACH));
}
