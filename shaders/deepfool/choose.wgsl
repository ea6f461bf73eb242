// choose: the nearest linearised boundary, and how far to walk to it (Moosavi-Dezfooli et al. 2016, eq. 8 and 9; for l∞
// section 2.4 there).
//
//   distance_k = |f_k − f_label| / ‖w′ₖ‖_q        l = argmin_k distance_k        q = 2, or 1 for l∞
//   step       = (distance_l + epsilon) · w′_l / ‖w′_l‖₂,   or (distance_l + epsilon) · sign(w′_l) for l∞
//
// A candidate whose normal is zero has no boundary; an image with no boundary at all stops with NO_DIRECTION, where 0/0
// would otherwise spread. An image with a row that is not finite stops with NON_FINITE, one whose step is not finite with
// OUT_OF_RANGE.
//
// On a boundary, or so near that a step would be lost in rounding, the step is as long as f32 can tell, and 16 times longer each
// time that this was not enough:
//
//   shortest = max( half an ulp of max |x| for the element that moves most,  2 ulp of the logits over ‖w′_l‖_q )
//
// layout   steps [survivors]
// grid     one workgroup; each invocation takes every LANES-th survivor
//
// specialised by   const LANES: u32; const SQUARED: bool;
// linked with      deepfool/state

struct Params { classes: u32, count: u32, epsilon: f32 }

@group(0) @binding(0) var<storage, read>       logits: array<f32>;
@group(0) @binding(1) var<storage, read>       candidates: array<u32>;
@group(0) @binding(2) var<storage, read>       sizes: array<Size>;
@group(0) @binding(3) var<storage, read>       slots: array<u32>;
@group(0) @binding(4) var<storage, read>       owners: array<u32>;
@group(0) @binding(5) var<storage, read_write> images: array<Image>;
@group(0) @binding(6) var<storage, read_write> counters: Counters;
@group(0) @binding(7) var<storage, read_write> steps: array<Step>;
@group(0) @binding(8) var<uniform>             params: Params;

const HALF_ULP: f32 = 0x1p-24;
const TWO_ULP: f32 = 0x1p-22;
/// Where x and both logits are zero, nothing says how long a short step is.
const SHORTEST: f32 = 0x1p-64;
const GROWTH: f32 = 4.0;        // of the exponent, each time a short step was not enough
const MOST_GROWTH: u32 = 24u;

struct Boundary { distance: f32, row: u32, size: Size, score: f32 }

/// The shortest step towards a boundary that f32 can tell from none.
fn shortest(to: Boundary, label_score: f32, magnitude: f32) -> f32 {
  var of_input = HALF_ULP * magnitude;
  if (SQUARED) { of_input *= to.size.length; }
  let of_logits = TWO_ULP * max(abs(to.score), abs(label_score)) / to.size.length * inverse_of(to.size.scale);
  let step = max(of_input, of_logits);
  return select(SHORTEST, step, step > 0.0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  let rows = params.count - 1u;
  for (var survivor = lane; survivor < counters.backward; survivor += LANES) {
    let image = owners[survivor];
    let scores = slots[survivor] * params.classes;
    let label_score = logits[scores + candidates[image * params.count]];
    var nearest: Boundary;
    var found = false;
    var finite = true;
    for (var k = 0u; k < rows; k++) {
      let row = survivor * rows + k;
      let size = sizes[row];
      if (size.length < 0.0) { finite = false; }
      if (!(size.length > 0.0)) { continue; }
      let score = logits[scores + candidates[image * params.count + 1u + k]];
      // Halves: the difference of two large logits may overflow.
      let half_gap = abs(0.5 * score - 0.5 * label_score);
      let distance = 2.0 * (half_gap / size.length * inverse_of(size.scale));
      if (!found || distance < nearest.distance) {
        found = true;
        nearest = Boundary(distance, row, size, score);
      }
    }
    var taken = Step(0u, 0.0, 0.0);
    if (!finite) {
      images[image].status = NON_FINITE;
    } else if (!found) {
      images[image].status = NO_DIRECTION;
    } else {
      let lost = images[image].lost;
      var distance = nearest.distance;
      let least = shortest(nearest, label_score, images[image].magnitude);
      if (distance < least) {
        distance = least * exp2(GROWTH * f32(min(lost, MOST_GROWTH)));
        images[image].lost = lost + 1u;
      } else {
        images[image].lost = 0u;
      }
      distance += params.epsilon;
      taken = Step(nearest.row, distance, inverse_of(nearest.size.scale));
      if (SQUARED) { taken.factor /= nearest.size.length; }
      if (is_finite(distance)) {
        images[image].iterations++;
      } else {
        images[image].status = OUT_OF_RANGE;
        taken = Step(0u, 0.0, 0.0);
      }
    }
    steps[survivor] = taken;
  }
  // Images that stop here leave the active list; one invocation counts them.
  workgroupBarrier();
  storageBarrier();
  if (lane == 0u) {
    for (var survivor = 0u; survivor < counters.backward; survivor++) {
      if (images[owners[survivor]].status != ACTIVE) {
        counters.finished++;
        counters.given_up++;
      }
    }
  }
}
