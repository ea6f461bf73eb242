// trigonometry: sin, cos and asin to about two units in the last place; WGSL grants its own an absolute error of 2⁻¹¹.
//
//   x = n π/2 + r, |r| ≤ π/4, with π/2 in three parts so that n π/2 loses nothing for |n| < 2¹³
//
// Polynomials: Moshier, Cephes Math Library (sinf, cosf, asinf). Beyond |x| = 12,000 the reduction loses digits, as x itself
// has: its last bit is then worth a thousandth.

const TWO_OVER_PI: f32 = 0.636619772;
const HALF_PI_1: f32 = 1.5703125;
const HALF_PI_2: f32 = 4.83751297e-4;
const HALF_PI_3: f32 = 7.54978995e-8;
const HALF_PI: f32 = 1.57079633;

struct Turn { quadrant: vec4i, rest: vec4f }

fn reduce_turn(x: vec4f) -> Turn {
  let n = round(x * TWO_OVER_PI);
  return Turn(vec4i(n) & vec4i(3), ((x - n * HALF_PI_1) - n * HALF_PI_2) - n * HALF_PI_3);
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
