// error_function: erf and erfc with their tails to a few units in the last place.
//
//   erf(x)  = x T(x²)                     |x| < 1
//   erfc(t) = e^(−t²) P(1/t²) / t         t ≥ 1, one P below 2 and one above
//
// e^(−t²) is the caller's: squaring a rounded t would cost 2t² units. exp_minus_square splits its argument instead.
// Polynomials: Moshier, Cephes Math Library (ndtrf).
//
// linked with      lib/ieee, lib/exponential

const SQRT_HALF: f32 = 0.707106781;
const GAUSS_REACH: vec4f = vec4f(16);
const UPPER_TWELVE_BITS: vec4u = vec4u(0xfffff000u);

/// e^(−scale · x²), scale ½ or 1: x = h + l with h of twelve bits, so that h² is exact. From |x| = 16 on it is 0.
fn exp_minus_square(x: vec4f, scale: f32) -> vec4f {
  let t = min(abs(x), GAUSS_REACH);
  let h = bitcast<vec4f>(bitcast<vec4u>(t) & UPPER_TWELVE_BITS);
  return keep_nans(x, exp_accurate(-scale * (h * h)) * exp_accurate(-scale * ((t - h) * (t + h))));
}

/// erf for |x| < 1
fn erf_polynomial(x: vec4f) -> vec4f {
  let z = x * x;
  return x * ((((((7.853861353153693e-5 * z - 8.010193625184903e-4) * z + 5.188327685732524e-3) * z - 2.685381193529856e-2) * z
    + 1.128358514861418e-1) * z - 3.761262582423300e-1) * z + 1.128379165726710);
}

/// erfc for t ≥ 1, given e^(−t²)
fn erfc_tail(t: vec4f, gauss: vec4f) -> vec4f {
  let q = 1 / t;
  let z = q * q;
  let p = (((((((2.326819970068386e-2 * z - 1.387039388740657e-1) * z + 3.687424674597105e-1) * z - 5.824733027278666e-1) * z
    + 6.210004621745983e-1) * z - 4.944515323274145e-1) * z + 3.404879937665872e-1) * z - 2.741127028184656e-1) * z
    + 5.638259427386472e-1;
  let r = ((((((-1.047766399936249e1 * z + 1.297719955372516e1) * z - 7.495518717768503) * z + 2.921019019210786) * z
    - 1.015265279202700) * z + 4.218463358204948e-1) * z - 2.820767439740514e-1) * z + 5.641895067754075e-1;
  return gauss * q * select(r, p, t < vec4f(2));
}

fn erf_accurate(x: vec4f) -> vec4f {
  let t = max(abs(x), vec4f(1));
  let outside = keep_sign(x, 1 - erfc_tail(t, exp_minus_square(x, 1)));
  return select(outside, erf_polynomial(x), abs(x) < vec4f(1));
}

/// Φ(x) = ½ erfc(−x / √2), the normal distribution's integral, given e^(−x²/2)
fn normal_integral(x: vec4f, gauss: vec4f) -> vec4f {
  let t = x * SQRT_HALF;
  let tail = 0.5 * erfc_tail(max(abs(t), vec4f(1)), gauss);
  return select(select(1 - tail, tail, x < vec4f()), 0.5 + 0.5 * erf_polynomial(t), abs(t) < vec4f(1));
}
