// row_norms: the size of every boundary normal, in the norm dual to that of the perturbation.
//
//   norms[row] = Σ_d W[row, d]²   (SQUARED: for l2)        Σ_d |W[row, d]|   (for l∞, whose dual is l1)
//
// layout   W [rows, elements] row-major
// grid     one workgroup per row along the folded line (indirect)
//
// specialised by   const LANES: u32, a power of two; const SQUARED: bool;
// linked with      lib/grid

struct Params { elements: u32, rows: u32 }

@group(0) @binding(0) var<storage, read>       normals: array<f32>;
@group(0) @binding(1) var<storage, read_write> norms: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_index(group, grid);
  if (row >= params.rows) { return; }
  var sum = 0.0;
  for (var d = lane; d < params.elements; d += LANES) {
    let w = normals[row * params.elements + d];
    if (SQUARED) { sum += w * w; } else { sum += abs(w); }
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { norms[row] = partial[0]; }
}
