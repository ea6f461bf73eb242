// max_pool_tangent: the derivative of max_pool along a tangent: each window passes on the tangent of the pixel that won it.
//
//   ẏ[n, c, p] = ẋ[n, c, argmax[n, c, p]]
//
// layout   NCHW; ẋ and ẏ are row values, argmax a sample value read through slots
// grid     planes · pixels of ẏ along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      pool/params, lib/grid, lib/slots

@group(0) @binding(0) var<storage, read>       tangent: array<f32>;
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
  let copy = plane / params.planes_per_copy;
  let forward_plane = forward_copy(copy) * params.planes_per_copy + plane % params.planes_per_copy;
  let at = u32(argmax[forward_plane * pixels + item % pixels]);
  output[item] = tangent[plane * params.in_h * params.in_w + at];
}
