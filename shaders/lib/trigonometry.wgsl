// trigonometry: sin, cos and asin to about two units in the last place; WGSL grants its own an absolute error of 2⁻¹¹.
//
//   x = n π/2 + r, |r| ≤ π/4, with π/2 in three parts so that n π/2 loses nothing for |n| < 2¹³
//
// Larger x = m 2ᵉ, m of 24 bits, are multiplied by 64 bits of 2/π from where n mod 4 begins, in integers: what comes before are
// whole turns (Payne and Hanek 1983).
//
// Polynomials: Moshier, Cephes Math Library (sinf, cosf, asinf).

const TWO_OVER_PI: f32 = 0.636619772;
const HALF_PI_1: f32 = 1.5703125;
const HALF_PI_2: f32 = 4.83751297e-4;
const HALF_PI_3: f32 = 7.54978995e-8;
const HALF_PI: f32 = 1.57079633;

struct Turn { quadrant: vec4i, rest: vec4f }

/// Where the reduction in floats ends: n π/2 with n below 2¹³.
const FEW_TURNS: f32 = 12000;

/// a · b as 64 bits, the low word first.
fn product_of(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let inner = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let outer = (a & 0xffffu) * (b >> 16u) + (inner & 0xffffu);
  return vec2u((outer << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (inner >> 16u) + (outer >> 16u));
}

/// The quadrant and the rest of |x| ≥ FEW_TURNS.
fn reduce_many(x: f32) -> vec2f {
  // 2/π, behind two bits of zeros, so that the top two bits of the product below are n mod 4.
  let digits = array<u32, 7>(0u, 0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u);
  let bits = bitcast<u32>(x) & MAGNITUDE;
  let significand = (bits << 8u) | 0x80000000u;
  let exponent = (bits >> 23u) - 126u;
  let word = exponent >> 5u;
  let shift = exponent & 31u;
  var window = vec3u(digits[word], digits[word + 1u], digits[word + 2u]);
  if (shift > 0u) {
    let behind = vec3u(window.yz, digits[word + 3u]);
    window = (window << vec3u(shift)) | (behind >> vec3u(32u - shift));
  }
  let carried = product_of(significand, window.z).y;
  let middle = product_of(significand, window.y);
  let low = middle.x + carried;
  var product = vec2u(low, middle.y + significand * window.x + u32(low < carried));
  // Beyond half a quadrant the next one is nearer, from its other side.
  let nearer = (product.y >> 29u) & 1u;
  let quadrant = (product.y >> 30u) + nearer;
  product.y &= 0x3fffffffu;
  if (nearer == 1u) { product = vec2u(0u - product.x, 0x40000000u - product.y - u32(product.x != 0u)); }
  let rest = (f32(product.y) * 4294967296.0 + f32(product.x)) * 3.4061216e-19;
  let turned = select(rest, -rest, nearer == 1u);
  return select(vec2f(f32(quadrant & 3u), turned), vec2f(f32((4u - (quadrant & 3u)) & 3u), -turned), x < 0);
}

fn reduce_turn(x: vec4f) -> Turn {
  let n = round(x * TWO_OVER_PI);
  var turn = Turn(vec4i(n) & vec4i(3), ((x - n * HALF_PI_1) - n * HALF_PI_2) - n * HALF_PI_3);
  for (var i = 0u; i < 4u; i++) {
    if (abs(x[i]) >= FEW_TURNS && is_finite(x[i])) {
      let many = reduce_many(x[i]);
      turn.quadrant[i] = i32(many.x);
      turn.rest[i] = many.y;
    }
  }
  return turn;
}

fn sin_polynomial(r: vec4f) -> vec4f {
  let z = r * r;
  return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
}

fn cos_polynomial(r: vec4f) -> vec4f {
  let z = r * r;
  return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1;
}

/// The sine of a turn, advanced by `quarters` right angles.
fn sin_of(turn: Turn, quarters: i32) -> vec4f {
  let quadrant = (turn.quadrant + quarters) & vec4i(3);
  let magnitude = select(sin_polynomial(turn.rest), cos_polynomial(turn.rest), (quadrant & vec4i(1)) == vec4i(1));
  return select(magnitude, -magnitude, quadrant >= vec4i(2));
}

fn sin_accurate(x: vec4f) -> vec4f { return sin_of(reduce_turn(x), 0); }
fn cos_accurate(x: vec4f) -> vec4f { return sin_of(reduce_turn(x), 1); }

/// asin for |x| ≤ ½
fn asin_polynomial(x: vec4f) -> vec4f {
  let z = x * x;
  return ((((4.2163199048e-2 * z + 2.4181311049e-2) * z + 4.5470025998e-2) * z + 7.4953002686e-2) * z + 1.6666752422e-1) * z * x + x;
}

/// acos for ½ ≤ |x| ≤ 1, of |x|: 2 asin √((1 − |x|) / 2)
fn acos_near_one(magnitude: vec4f) -> vec4f {
  return 2 * asin_polynomial(root(0.5 * (1 - magnitude)));
}
