// top_k: the K largest (or smallest) elements along an axis, in order, and where they were.
//
//   rank(t) = the number of elements that come before t: better ones, and equal ones of lower index;  out[rank] = in[t]
//
// NaN counts as larger than ∞, so that it comes first among the largest and last among the smallest.
//
// Every element counts its own rank: no sorting, no meeting of invocations, and ranks are all different, so that no place is
// written twice. K² comparisons a line are few for as many classes as a network has.
//
// layout   in seen as [outer, extent, inner], values and indices as [outer, K, inner]; indices are f32, exact up to 2²⁴
// grid     elements of the input along the folded line, LANES to a group
//
// specialised by   const LANES: u32; const SMALLEST: bool;
// linked with      lib/grid, lib/ieee

struct Params { elements: u32, extent: u32, inner: u32, count: u32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> indices: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.elements) { return; }
  let inner = item % params.inner;
  let own = item / params.inner % params.extent;
  let outer = item / params.inner / params.extent;
  let first = outer * params.extent * params.inner + inner;
  let x = input[item];
  let own_order = order_of(x);
  var rank = 0u;
  for (var t = 0u; t < params.extent; t++) {
    let other = order_of(input[first + t * params.inner]);
    let better = select(other > own_order, other < own_order, SMALLEST);
    rank += select(0u, 1u, better || (other == own_order && t < own));
  }
  if (rank >= params.count) { return; }
  let at = (outer * params.count + rank) * params.inner + inner;
  values[at] = x;
  indices[at] = f32(own);
}
