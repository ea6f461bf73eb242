// step: walks to the chosen boundary:  r += factor · (w′ · inverse),  or  r += factor · sign(w′)  for l∞.
//
// layout   W [rows, elements], r [images, elements]
//          An image is written through its survivor, so what the last workgroup covers beyond the survivors must not be.
// grid     survivors · elements along the folded line, LANES to a group (indirect)
//
// specialised by   const LANES: u32; const SQUARED: bool;
// linked with      deepfool/state, lib/grid

struct Params { elements: u32 }

@group(0) @binding(0) var<storage, read>       normals: array<f32>;
@group(0) @binding(1) var<storage, read>       steps: array<Step>;
@group(0) @binding(2) var<storage, read>       owners: array<u32>;
@group(0) @binding(3) var<storage, read>       counters: Counters;
@group(0) @binding(4) var<storage, read_write> r: array<f32>;
@group(0) @binding(5) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  let survivor = item / params.elements;
  if (survivor >= counters.backward) { return; }
  let element = item % params.elements;
  let taken = steps[survivor];
  // No step: the row may hold NaN or infinity, which times 0 is NaN.
  if (taken.factor == 0.0) { return; }
  var w = normals[taken.row * params.elements + element] * taken.inverse;
  if (!SQUARED) { w = sign(w); }
  r[owners[survivor] * params.elements + element] += taken.factor * w;
}
