// reduce_tiled: the same reductions as reduce_direct.wgsl, one output to a workgroup.
//
//   Each invocation combines every LANES-th element; then the partial results meet in a tree in workgroup memory. The order
//   of combination is fixed, so results do not vary from run to run.
//
// layout   as reduce_direct.wgsl
// grid     one workgroup per output along the folded line
// used by  GPUs, for long sums
//
// specialised by   const LANES, AXES: u32; LANES a power of two
// linked with      as reduce_direct.wgsl

var<workgroup> partial: array<Sum, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = group_index(group, grid);
  if (item >= params.outputs) { return; }
  let kept = coordinates(item % params.outputs_per_copy, Axes(params.kept_extents[0], params.kept_extents[1]));
  let base = (item / params.outputs_per_copy) * params.inputs_per_copy
    + u32(address(kept, Axes(params.kept_strides[0], params.kept_strides[1])));
  let count = params.outer * params.inner;
  // As reduce_direct.wgsl: a second round where the function wants its terms scaled.
  var scale = 1.0;
  for (var round = 0u; round < 2u; round++) {
    var sum = identity();
    for (var r = lane; r < count; r += LANES) {
      let reduced = coordinates(r / params.inner, Axes(params.outer_extents[0], params.outer_extents[1]));
      let at = base + u32(address(reduced, Axes(params.outer_strides[0], params.outer_strides[1])))
        + (r % params.inner) * params.inner_stride;
      sum = combine(sum, input[at], scale);
    }
    partial[lane] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (lane < half) { partial[lane] = merge(partial[lane], partial[lane + half], scale); }
      workgroupBarrier();
    }
    let whole = workgroupUniformLoad(&partial[0]);
    if (lane == 0u) { output[item] = finish(whole, f32(count), scale); }
    scale = rescaled(whole);
    if (scale == 1.0) { break; }
  }
}
