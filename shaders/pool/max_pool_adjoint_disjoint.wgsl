// max_pool_adjoint_disjoint: max_pool_adjoint where windows do not overlap, as in the usual 2×2 pool of stride 2.
//
//   dx[n, c, p] = dy[n, c, s] · 1[argmax[n, c, s] = p],   s = ⌊(p + pad) / stride⌋ on each axis, the only window p can be in
//
// Windows then cut the input into blocks of stride × stride pixels. One invocation writes a whole block, so what takes time,
// divisions and two loads, is paid once per window and not once per pixel.
//
// layout   as max_pool_adjoint.wgsl
// grid     planes · windows along the folded line, LANES to a group
// assumes  stride ≥ (window − 1) · dilation + 1 on both axes; the last block on an axis reaches to the input's end
//
// specialised by   const LANES: u32;
// linked with      pool/params, lib/grid, lib/slots

@group(0) @binding(0) var<storage, read>       cotangent: array<f32>;
@group(0) @binding(1) var<storage, read>       argmax: array<i32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

/// First and last position of block s on one axis, the last exclusive.
fn block_range(s: u32, stride: i32, pad: i32, windows: u32, extent: u32) -> vec2u {
  let first = max(i32(s) * stride - pad, 0);
  let last = select(i32(s + 1u) * stride - pad, i32(extent), s + 1u == windows);
  return vec2u(u32(first), u32(last));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  let windows = params.in_h * params.in_w;
  let plane = item / windows;
  if (plane >= params.planes) { return; }
  let s = item % windows;
  let copy = plane / params.planes_per_copy;
  let forward_plane = forward_copy(copy) * params.planes_per_copy + plane % params.planes_per_copy;
  let winner = u32(argmax[forward_plane * windows + s]);
  let value = cotangent[item];

  let rows = block_range(s / params.in_w, params.stride_h, params.pad_h, params.in_h, params.out_h);
  let columns = block_range(s % params.in_w, params.stride_w, params.pad_w, params.in_w, params.out_w);
  let base = plane * params.out_h * params.out_w;
  for (var row = rows.x; row < rows.y; row++) {
    for (var column = columns.x; column < columns.y; column++) {
      let pixel = row * params.out_w + column;
      output[base + pixel] = select(0.0, value, pixel == winner);
    }
  }
}
