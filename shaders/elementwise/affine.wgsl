// affine: y = x · scale + shift with constants that broadcast, clamped on request: batch normalisation with the ReLU behind it
// where no convolution stands before it, and the last step of layer normalisation.
//
// layout   x and y contiguous; scale and shift have the same shape and are addressed by strides, 0 on broadcast axes
// grid     elements along the folded line, LANES to a group
//
// specialised by   const LANES, AXES: u32; const CLAMPED: bool;
// linked with      lib/grid, lib/ieee, lib/indexing

struct Params {
  elements: u32, elements_per_copy: u32, low: f32, high: f32,
  extents: array<vec4i, 2>, strides: array<vec4i, 2>,
}

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read>       scale: array<f32>;
@group(0) @binding(2) var<storage, read>       shift: array<f32>;
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
  let at = coordinates(item % params.elements_per_copy, Axes(params.extents[0], params.extents[1]));
  let constant = u32(address(at, Axes(params.strides[0], params.strides[1])));
  var result = input[item] * scale[constant] + shift[constant];
  if (CLAMPED) { result = clamped(result, params.low, params.high); }
  output[item] = result;
}
