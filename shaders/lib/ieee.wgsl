// ieee: NaN, infinities and the order of floats, by their bits.
//
// WGSL lets a compiler assume that no number is NaN or infinite. Sums, products, quotients and ordered comparisons still do what
// IEEE 754 says on the adapters we test, so NaN and ∞ pass through arithmetic by themselves. Built-in functions differ from one
// adapter to the next: max(NaN, 0) and sign(NaN) are 0, log(0) is −88 on SwiftShader; and x != x may be compiled to false.
// The functions below look at the bits of a number instead, about which nothing may be assumed:
//
//   1 bit sign | 8 bits exponent | 23 bits significand;   exponent 255 is ∞ where the significand is 0, and else NaN
//
// Neither can be written as a literal, since a constant expression must be finite: they are made of bits that are known at run
// time only. Names in the plural take four numbers.

const MAGNITUDE: u32 = 0x7fffffffu;
const INFINITE: u32 = 0x7f800000u;
const NAN_BITS: u32 = 0x7fc00000u;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & MAGNITUDE) > INFINITE; }
fn are_nan(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(MAGNITUDE)) > vec4u(INFINITE); }
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & MAGNITUDE) < INFINITE; }

/// −∞
fn are_bottom(x: vec4f) -> vec4<bool> { return bitcast<vec4u>(x) == vec4u(INFINITE | ~MAGNITUDE); }

fn infinity() -> f32 {
  var bits = INFINITE;
  return bitcast<f32>(bits);
}

/// NaN where the condition holds, else y.
fn nan_where(condition: vec4<bool>, y: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(y) | select(vec4u(), vec4u(NAN_BITS), condition));
}

/// y = f(x), unless x is NaN.
fn keep_nan(x: f32, y: f32) -> f32 { return select(y, x, is_nan(x)); }
fn keep_nans(x: vec4f, y: vec4f) -> vec4f { return select(y, x, are_nan(x)); }

/// max and min of which either operand may be NaN; the result then is.
fn larger(a: f32, b: f32) -> f32 { return keep_nan(a, keep_nan(b, max(a, b))); }
fn smaller(a: f32, b: f32) -> f32 { return keep_nan(a, keep_nan(b, min(a, b))); }

fn clamped(x: f32, low: f32, high: f32) -> f32 { return keep_nan(x, min(max(x, low), high)); }
fn clamped_all(x: vec4f, low: f32, high: f32) -> vec4f { return keep_nans(x, min(max(x, vec4f(low)), vec4f(high))); }

/// A direction through a clamp whose output was y: itself where low < y < high, an infinite bound being none; 0 at and beyond
/// the bounds; NaN where y is.
fn masked(direction: f32, y: f32, low: f32, high: f32) -> f32 {
  let above = y > low || bitcast<u32>(low) == (INFINITE | ~MAGNITUDE);
  let below = y < high || bitcast<u32>(high) == INFINITE;
  return keep_nan(y, select(0.0, direction, above && below));
}
fn masked_all(direction: vec4f, y: vec4f, low: f32, high: f32) -> vec4f {
  let above = (y > vec4f(low)) | vec4<bool>(bitcast<u32>(low) == (INFINITE | ~MAGNITUDE));
  let below = (y < vec4f(high)) | vec4<bool>(bitcast<u32>(high) == INFINITE);
  return keep_nans(y, select(vec4f(), direction, above & below));
}

/// |magnitude| with the sign of x, −0 included.
fn with_sign_of(x: vec4f, magnitude: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4u>(magnitude) & vec4u(MAGNITUDE)) | (bitcast<vec4u>(x) & ~vec4u(MAGNITUDE)));
}

/// magnitude, which is not negative, with the sign of x; NaN where either is.
fn keep_sign(x: vec4f, magnitude: vec4f) -> vec4f { return keep_nans(magnitude, with_sign_of(x, magnitude)); }

/// √x, with √0 = 0 and √∞ = ∞ also where it is made of 1/√x.
fn root(x: vec4f) -> vec4f {
  let magnitude = bitcast<vec4u>(x) & vec4u(MAGNITUDE);
  let y = select(sqrt(x), x, (magnitude >= vec4u(INFINITE)) | (magnitude == vec4u()));
  return nan_where(bitcast<vec4u>(x) > vec4u(~MAGNITUDE), y);
}

/// An integer that grows with x; ±0 have the same, NaN the largest.
fn order_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x)) { return ~0u; }
  if ((bits & MAGNITUDE) == 0u) { return ~MAGNITUDE; }
  return select(bits | ~MAGNITUDE, ~bits, bits > MAGNITUDE);
}
