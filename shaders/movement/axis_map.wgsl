// axis_map: a sparse matrix applied along one axis: gathering, repeating, reflecting, interpolating, and the adjoints of all
// of these, which are the transposed matrices.
//
//   out[o, j, n] = Σ_t weights[t] · in[o, index[t], n],   t over the entries of row j:  starts[j] ≤ t < starts[j + 1]
//
// Every output gathers, so nothing is written twice and no atomics are needed, in either direction.
//
// layout   any tensor seen as [outer, extent, inner]; routes holds the starts of all rows, then the indices of all entries
// grid     output elements of all copies along the folded line, LANES to a group
//
// specialised by   const LANES: u32; const WEIGHTED: bool;   where false, all weights are 1 and not bound
// linked with      lib/grid

struct Params { elements: u32, out_extent: u32, in_extent: u32, inner: u32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read>       routes: array<u32>;
@group(0) @binding(2) var<storage, read>       weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.elements) { return; }
  let line = item / params.inner;
  let row = line % params.out_extent;
  let base = (line / params.out_extent) * params.in_extent * params.inner + item % params.inner;
  let indices = params.out_extent + 1u;
  var sum = 0.0;
  for (var t = routes[row]; t < routes[row + 1u]; t++) {
    let x = input[base + routes[indices + t] * params.inner];
    if (WEIGHTED) { sum += weights[t] * x; } else { sum += x; }
  }
  output[item] = sum;
}
