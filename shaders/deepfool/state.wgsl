// state: what the attack kernels know of every image, and how many images are at work.
//
//   image     one picture of the segment in memory; its data lie at image · elements in x and r
//   lane      a place in the current forward pass: list[lane] is the image there
//   survivor  a place in the current backward pass: owners[survivor] is the image, slots[survivor] its lane

const WAITING: u32 = 0u;       // not looked at yet
const ACTIVE: u32 = 1u;        // DeepFool is at work on it
const FOOLED: u32 = 2u;        // the label changed
const EXHAUSTED: u32 = 3u;     // the iterations are used up
const NO_DIRECTION: u32 = 4u;  // every candidate's gradient equals that of the label: no linearised boundary to walk to
const PASSED_OVER: u32 = 5u;   // universal: was fooled by v already
const NON_FINITE: u32 = 6u;    // a logit or a gradient was NaN or infinite
const OUT_OF_RANGE: u32 = 7u;  // a step left the range of f32

const NO_LABEL: u32 = 0xffffffffu;  // in place of a label, where a logit is NaN or infinite

struct Image {
  status: u32,
  label: u32,        // before the attack
  new_label: u32,    // of the last forward pass
  iterations: u32,   // steps made
  lost: u32,         // steps in a row that were too short for f32
  magnitude: f32,    // max |x|
}

struct Counters {
  forward: u32,      // lanes of this tick's forward pass
  backward: u32,     // survivors of this tick
  cursor: u32,       // images of the segment begun or passed over
  finished: u32,     // images done with
  total: u32,        // images of the segment
  scan: u32,         // universal: lanes to scan next time
  updates: u32,      // universal: times v was changed
  absorb: u32,       // universal: 1 + the image whose r is to be added to v in this tick, or 0
  given_up: u32,     // images on which DeepFool did not succeed (universal), or found no direction
  norm: f32,         // universal: the norm of v
  padding: vec2u,
}

/// The step to a boundary:  factor · w,  or  factor · sign(w) for l∞, w being a row of the backward pass times `inverse`.
struct Step { row: u32, factor: f32, inverse: f32 }

/// The size of a row in the dual norm: scale · length, where scale is a power of two near the largest element, so that the squares
/// that `length` sums neither overflow nor vanish. Negative where the row holds NaN or infinity, 0 where it is zero.
struct Size { scale: f32, length: f32 }

const INFINITY_BITS: u32 = 0x7f800000u;

/// By the bits: WGSL lets a compiler assume that no number is NaN or infinite.
fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & INFINITY_BITS) != INFINITY_BITS;
}

/// The bits of |x|, which are in the order of the numbers; NaN comes after infinity.
fn size_bits(x: f32) -> u32 {
  return bitcast<u32>(x) & 0x7fffffffu;
}

/// A power of two near the number with these bits, whose inverse is one too.
fn scale_of(bits: u32) -> f32 {
  return bitcast<f32>(clamp(bits >> 23u, 1u, 253u) << 23u);
}

/// 1 / scale, exactly.
fn inverse_of(scale: f32) -> f32 {
  return bitcast<f32>((254u << 23u) - bitcast<u32>(scale));
}
