// seeds: the cotangents that make each row of the backward pass the normal of a linearised boundary,
//
//   w′ₖ = ∇f_k − ∇f_label:   +1 at candidate k and −1 at the label, for k = 1 … count − 1
//
// layout   cotangent [survivors, count − 1, classes]
// grid     survivors · (count − 1) · classes along the folded line, LANES to a group (indirect)
//
// specialised by   const LANES: u32;
// linked with      lib/grid

struct Params { classes: u32, count: u32, capacity: u32 }

@group(0) @binding(0) var<storage, read>       candidates: array<u32>;
@group(0) @binding(1) var<storage, read>       owners: array<u32>;
@group(0) @binding(2) var<storage, read_write> cotangent: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  let class_index = item % params.classes;
  let row = item / params.classes;
  let rows = params.count - 1u;
  let survivor = row / rows;
  if (survivor >= params.capacity) { return; }
  let first = owners[survivor] * params.count;
  var value = 0.0;
  if (class_index == candidates[first + 1u + row % rows]) { value = 1.0; }
  if (class_index == candidates[first]) { value = -1.0; }
  cotangent[item] = value;
}
