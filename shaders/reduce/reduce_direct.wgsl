// reduce_direct: out[o] = finish( combine over r of in[address(o, r)] ), one output to an invocation.
//
// layout   the kept axes of the input, in order, make the output; the reduced ones are walked as `outer` combinations of
//          all reduced axes but the last, and `inner` steps along the last
// grid     outputs along the folded line, LANES to a group
// used by  software adapters, and reductions with many short sums
//
// specialised by   const LANES, AXES: u32;
// linked with      reduce/interface, lib/grid, lib/indexing and one of reduce/functions/*, which defines
//                  identity(), combine(sum, x, scale), rescaled(sum) and finish(sum, count, scale)

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.outputs) { return; }
  let kept = coordinates(item % params.outputs_per_copy, Axes(params.kept_extents[0], params.kept_extents[1]));
  let base = (item / params.outputs_per_copy) * params.inputs_per_copy
    + u32(address(kept, Axes(params.kept_strides[0], params.kept_strides[1])));
  // One round, and a second one where the function wants its terms scaled.
  var scale = 1.0;
  for (var round = 0u; round < 2u; round++) {
    var sum = identity();
    for (var o = 0u; o < params.outer; o++) {
      let reduced = coordinates(o, Axes(params.outer_extents[0], params.outer_extents[1]));
      var at = base + u32(address(reduced, Axes(params.outer_strides[0], params.outer_strides[1])));
      for (var i = 0u; i < params.inner; i++) {
        sum = combine(sum, input[at], scale);
        at += params.inner_stride;
      }
    }
    output[item] = finish(sum, f32(params.outer * params.inner), scale);
    scale = rescaled(sum);
    if (scale == 1.0) { break; }
  }
}
