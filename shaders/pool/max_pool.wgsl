// max_pool: the largest value under each window, and where it was.
//
//   out[n, c, p] = max_tap in[n, c, source(p, tap)],   argmax[n, c, p] = the flat input pixel of the first tap, in
//   row-major order, that attains it (ties: first wins); NaN where there is one, and its pixel
//
// layout   NCHW; argmax is i32 in the shape of out; it serves the adjoint (max_pool_adjoint.wgsl)
// grid     planes · pixels items along the folded line, LANES to a group
// assumes  every window has at least one tap inside the input (checked by the shape rule). The first tap inside starts
//          the maximum, so no stand-in for −∞ is needed.
//
// specialised by   const LANES: u32; const WITH_ARGMAX: bool;
// linked with      pool/params, lib/grid, lib/ieee, lib/taps_forward

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read_write> argmax: array<i32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  let pixels = params.out_h * params.out_w;
  let plane = item / pixels;
  if (plane >= params.planes) { return; }
  let row = vec4i(i32(item % pixels / params.out_w));
  let column = vec4i(i32(item % pixels % params.out_w));
  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let axis_w = Axis(params.stride_w, params.pad_w, params.dilation_w, i32(params.in_w));
  let base = plane * params.in_h * params.in_w;

  var best = 0.0;
  var best_at = -1;
  for (var tap_h = 0u; tap_h < params.window_h; tap_h++) {
    let from_h = source(row, i32(tap_h), axis_h).x;
    if (from_h < 0) { continue; }
    for (var tap_w = 0u; tap_w < params.window_w; tap_w++) {
      let from_w = source(column, i32(tap_w), axis_w).x;
      if (from_w < 0) { continue; }
      let at = from_h * i32(params.in_w) + from_w;
      let x = input[base + u32(at)];
      if (best_at < 0 || x > best || (is_nan(x) && !is_nan(best))) {
        best = x;
        best_at = at;
      }
    }
  }
  output[item] = best;
  if (WITH_ARGMAX) { argmax[item] = best_at; }
}
