// absorb: v ← P(v + factor · r), the projection being onto the ball ‖v‖_p ≤ radius.
//
//   l2   P(v) = v · min(1, radius / ‖v‖₂)         l∞   P(v) = sign(v) · min(|v|, radius)
//
// For ‖v‖₂, elements are divided by a power of two near the largest before they are squared; this is exact. Where an element of
// v + factor · r is not finite, v stays as it is.
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
var<workgroup> largest: array<u32, LANES>;
var<workgroup> absorbed: u32;
var<workgroup> top: u32;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) { absorbed = counters.absorb; }
  let image = workgroupUniformLoad(&absorbed);
  if (image == 0u) { return; }
  let base = (image - 1u) * params.elements;
  var bits = 0u;
  for (var d = lane; d < params.elements; d += LANES) { bits = max(bits, size_bits(v[d] + params.factor * r[base + d])); }
  largest[lane] = bits;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { largest[lane] = max(largest[lane], largest[lane + half]); }
    workgroupBarrier();
  }
  if (lane == 0u) { top = largest[0]; }
  let most = workgroupUniformLoad(&top);
  if (most >= INFINITY_BITS) { return; }

  if (!SQUARED) {
    for (var d = lane; d < params.elements; d += LANES) {
      v[d] = clamp(v[d] + params.factor * r[base + d], -params.radius, params.radius);
    }
    if (lane == 0u) { counters.norm = min(bitcast<f32>(most), params.radius); }
    return;
  }
  let scale = scale_of(most);
  let inverse = inverse_of(scale);
  var sum = 0.0;
  for (var d = lane; d < params.elements; d += LANES) {
    let moved = v[d] + params.factor * r[base + d];
    sum += (moved * inverse) * (moved * inverse);
    v[d] = moved;
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  let length = sqrt(partial[0]);
  if (length > 0.0 && params.radius * inverse < length) {
    for (var d = lane; d < params.elements; d += LANES) { v[d] = v[d] * inverse * (params.radius / length); }
  }
  if (lane == 0u) { counters.norm = min(scale * length, params.radius); }
}
