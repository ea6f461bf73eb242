// pool_indices: the winners of max_pool as ONNX counts them: positions in the whole input tensor, not in a plane.
//
//   out[n, c, p] = (n · C + c) · H · W + argmax[n, c, p],   with COLUMN_MAJOR the pixel (h, w) counting as w · H + h
//
// layout   argmax is i32, out f32, exact up to 2²⁴; both in the shape of the pool's output
// grid     elements along the folded line, LANES to a group
//
// specialised by   const LANES: u32; const COLUMN_MAJOR: bool;
// linked with      lib/grid

struct Params { elements: u32, elements_per_copy: u32, windows: u32, in_h: u32, in_w: u32 }

@group(0) @binding(0) var<storage, read>       argmax: array<i32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.elements) { return; }
  let plane = item % params.elements_per_copy / params.windows;
  var pixel = u32(argmax[item]);
  if (COLUMN_MAJOR) { pixel = pixel % params.in_w * params.in_h + pixel / params.in_w; }
  output[item] = f32(plane * params.in_h * params.in_w + pixel);
}
