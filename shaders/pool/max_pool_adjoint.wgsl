// max_pool_adjoint: sends each window's cotangent to the input pixel that won it.
//
//   dx[n, c, p] = Σ_tap  dy[n, c, s] · 1[argmax[n, c, s] = p],   s = source(p, tap), the windows that cover pixel p
//
// Every input pixel gathers from the windows over it, so nothing is written twice and no atomics are needed.
//
// layout   NCHW; dy and dx are row values, argmax a sample value read through slots
// grid     planes · pixels of dx along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      pool/params, lib/grid, lib/slots, lib/taps_adjoint

@group(0) @binding(0) var<storage, read>       cotangent: array<f32>;
@group(0) @binding(1) var<storage, read>       argmax: array<i32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
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
  let pixel = i32(item % pixels);
  let row = vec4i(pixel / i32(params.out_w));
  let column = vec4i(pixel % i32(params.out_w));
  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let axis_w = Axis(params.stride_w, params.pad_w, params.dilation_w, i32(params.in_w));
  let windows = params.in_h * params.in_w;
  let base = plane * windows;
  let copy = plane / params.planes_per_copy;
  let forward_base = (forward_copy(copy) * params.planes_per_copy + plane % params.planes_per_copy) * windows;

  var sum = 0.0;
  for (var tap_h = 0u; tap_h < params.window_h; tap_h++) {
    let from_h = source(row, i32(tap_h), axis_h).x;
    if (from_h < 0) { continue; }
    for (var tap_w = 0u; tap_w < params.window_w; tap_w++) {
      let from_w = source(column, i32(tap_w), axis_w).x;
      if (from_w < 0) { continue; }
      let at = u32(from_h) * params.in_w + u32(from_w);
      if (argmax[forward_base + at] == pixel) { sum += cotangent[base + at]; }
    }
  }
  output[item] = sum;
}
