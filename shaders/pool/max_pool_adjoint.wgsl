// max_pool_adjoint: sends each window's cotangent to the input pixel that won it.
//
//   dx[n, c, p] = Σ_s  dy[n, c, s] · 1[argmax[n, c, s] = p],   s over the windows that may cover pixel p:
//                 ⌈(p + pad − reach) / stride⌉ ≤ s ≤ ⌊(p + pad) / stride⌋ on each axis,  reach = (window − 1) · dilation
//
// Every input pixel gathers from the windows over it, so nothing is written twice and no atomics are needed; that a window
// really covers p need not be tested, since only then can p have won it.
//
// layout   NCHW; dy and dx are row values, argmax a sample value read through slots
// grid     planes · pixels of dx along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      pool/params, lib/grid, lib/slots

@group(0) @binding(0) var<storage, read>       cotangent: array<f32>;
@group(0) @binding(1) var<storage, read>       argmax: array<i32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

/// First and last window over position p of one axis, the last exclusive.
fn windows_over(p: i32, stride: i32, pad: i32, reach: i32, windows: u32) -> vec2i {
  let first = max(p + pad - reach + stride - 1, 0) / stride;
  let last = (p + pad) / stride;
  return vec2i(first, min(last + 1, i32(windows)));
}

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
  let windows = params.in_h * params.in_w;
  let base = plane * windows;
  let copy = plane / params.planes_per_copy;
  let forward_base = (forward_copy(copy) * params.planes_per_copy + plane % params.planes_per_copy) * windows;
  let reach_h = i32(params.window_h - 1u) * params.dilation_h;
  let reach_w = i32(params.window_w - 1u) * params.dilation_w;
  let over_h = windows_over(pixel / i32(params.out_w), params.stride_h, params.pad_h, reach_h, params.in_h);
  let over_w = windows_over(pixel % i32(params.out_w), params.stride_w, params.pad_w, reach_w, params.in_w);

  var sum = 0.0;
  for (var s_h = over_h.x; s_h < over_h.y; s_h++) {
    for (var s_w = over_w.x; s_w < over_w.y; s_w++) {
      let at = u32(s_h) * params.in_w + u32(s_w);
      if (argmax[forward_base + at] == pixel) { sum += cotangent[base + at]; }
    }
  }
  output[item] = sum;
}
