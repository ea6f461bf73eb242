// choose: the nearest linearised boundary, and how far to walk to it (Moosavi-Dezfooli et al. 2016, eq. 8 and 9; for l∞
// section 2.4 there).
//
//   distance_k = |f_k − f_label| / ‖w′ₖ‖_q        l = argmin_k distance_k        q = 2, or 1 for l∞
//   step       = (distance_l + epsilon) · w′_l / ‖w′_l‖₂,   or (distance_l + epsilon) · sign(w′_l) for l∞
//
// A candidate whose normal is zero has no boundary; an image with no boundary at all stops with NO_DIRECTION, where 0/0
// would otherwise spread.
//
// layout   steps [survivors]: the chosen row of W, and the factor of w′ (or of its sign)
// grid     survivors, LANES to a group
//
// specialised by   const LANES: u32; const SQUARED: bool;
// linked with      deepfool/state, lib/grid

struct Params { classes: u32, count: u32, epsilon: f32 }
struct Step { row: u32, factor: f32 }

@group(0) @binding(0) var<storage, read>       logits: array<f32>;
@group(0) @binding(1) var<storage, read>       candidates: array<u32>;
@group(0) @binding(2) var<storage, read>       norms: array<f32>;
@group(0) @binding(3) var<storage, read>       slots: array<u32>;
@group(0) @binding(4) var<storage, read>       owners: array<u32>;
@group(0) @binding(5) var<storage, read_write> images: array<Image>;
@group(0) @binding(6) var<storage, read_write> counters: Counters;
@group(0) @binding(7) var<storage, read_write> steps: array<Step>;
@group(0) @binding(8) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  let rows = params.count - 1u;
  for (var survivor = lane; survivor < counters.backward; survivor += LANES) {
    let image = owners[survivor];
    let scores = slots[survivor] * params.classes;
    let label_score = logits[scores + candidates[image * params.count]];
    var chosen = Step(0u, 0.0);
    var nearest = 0.0;
    var found = false;
    for (var k = 0u; k < rows; k++) {
      let row = survivor * rows + k;
      var size = norms[row];
      if (SQUARED) { size = sqrt(size); }
      if (!(size > 0.0)) { continue; }
      let gap = abs(logits[scores + candidates[image * params.count + 1u + k]] - label_score);
      let distance = gap / size;
      if (!found || distance < nearest) {
        found = true;
        nearest = distance;
        chosen = Step(row, distance + params.epsilon);
        if (SQUARED) { chosen.factor /= size; }
      }
    }
    steps[survivor] = chosen;
    if (found) { images[image].iterations++; } else { images[image].status = NO_DIRECTION; }
  }
  // Images without a direction leave the active list; one invocation counts them.
  workgroupBarrier();
  storageBarrier();
  if (lane == 0u) {
    for (var survivor = 0u; survivor < counters.backward; survivor++) {
      if (images[owners[survivor]].status == NO_DIRECTION) {
        counters.finished++;
        counters.given_up++;
      }
    }
  }
}
