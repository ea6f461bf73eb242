// row_norms: the size of every boundary normal, in the norm dual to that of the perturbation.
//
//   l2   √(Σ_d W[row, d]²)   (SQUARED)        l∞   Σ_d |W[row, d]|, its dual being l1
//
// Rows are divided by a power of two near their largest element before they are squared, so that the scale of the logits does not
// matter; this is exact.
//
// layout   W [rows, elements] row-major; sizes [rows]
// grid     one workgroup per row along the folded line (indirect)
//
// specialised by   const LANES: u32, a power of two; const SQUARED: bool;
// linked with      deepfool/state, lib/grid

struct Params { elements: u32, rows: u32 }

@group(0) @binding(0) var<storage, read>       normals: array<f32>;
@group(0) @binding(1) var<storage, read_write> sizes: array<Size>;
@group(0) @binding(2) var<uniform>             params: Params;

var<workgroup> largest: array<u32, LANES>;
var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_index(group, grid);
  if (row >= params.rows) { return; }
  let first = row * params.elements;
  var bits = 0u;
  for (var d = lane; d < params.elements; d += LANES) { bits = max(bits, size_bits(normals[first + d])); }
  largest[lane] = bits;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { largest[lane] = max(largest[lane], largest[lane + half]); }
    workgroupBarrier();
  }

  let scale = scale_of(largest[0]);
  let inverse = inverse_of(scale);
  var sum = 0.0;
  for (var d = lane; d < params.elements; d += LANES) {
    let w = normals[first + d] * inverse;
    if (SQUARED) { sum += w * w; } else { sum += abs(w); }
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) {
    var length = partial[0];
    if (SQUARED) { length = sqrt(length); }
    if (largest[0] >= INFINITY_BITS) { length = -1.0; }
    sizes[row] = Size(scale, length);
  }
}
