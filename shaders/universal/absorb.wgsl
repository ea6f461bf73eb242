// absorb: v ← P(v + factor · r), the projection being onto the ball ‖v‖_p ≤ radius.
//
//   l2   P(v) = v · min(1, radius / ‖v‖₂)         l∞   P(v) = sign(v) · min(|v|, radius)
//
// layout   v [elements], r [images, elements]; counters.norm receives ‖v‖_p, for reports
// grid     one workgroup; does nothing unless counters.absorb names an image
//
// specialised by   const LANES: u32, a power of two; const SQUARED: bool (l2; else l∞);
// linked with      deepfool/state

struct Params { elements: u32, factor: f32, radius: f32 }

@group(0) @binding(0) var<storage, read_write> counters: Counters;
@group(0) @binding(1) var<storage, read>       r: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

var<workgroup> partial: array<f32, LANES>;
var<workgroup> absorbed: u32;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) { absorbed = counters.absorb; }
  let image = workgroupUniformLoad(&absorbed);
  if (image == 0u) { return; }
  let base = (image - 1u) * params.elements;
  var sum = 0.0;
  for (var d = lane; d < params.elements; d += LANES) {
    var moved = v[d] + params.factor * r[base + d];
    if (SQUARED) {
      sum += moved * moved;
    } else {
      moved = clamp(moved, -params.radius, params.radius);
      sum = max(sum, abs(moved));
    }
    v[d] = moved;
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      if (SQUARED) { partial[lane] += partial[lane + half]; } else { partial[lane] = max(partial[lane], partial[lane + half]); }
    }
    workgroupBarrier();
  }
  var length = partial[0];
  if (SQUARED) {
    length = sqrt(length);
    if (length > params.radius) {
      let scale = params.radius / length;
      for (var d = lane; d < params.elements; d += LANES) { v[d] *= scale; }
      length = params.radius;
    }
  }
  if (lane == 0u) { counters.norm = length; }
}
