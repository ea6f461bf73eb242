// mask: a cotangent (or a tangent) through a clamp whose output y was kept:  d[i] · 1[low < y[i] < high].
//
// The output alone decides, so the clamp's input need not be stored. At the ends of the range the derivative is 0; where y is
// NaN, so is the derivative.
//
// layout   d and out are row values; y is the sample's forward value, read through slots
// grid     elements along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      lib/grid, lib/ieee, lib/slots

struct Params { elements: u32, elements_per_copy: u32, rows: u32, low: f32, high: f32 }

@group(0) @binding(0) var<storage, read>       y: array<f32>;
@group(0) @binding(1) var<storage, read>       direction: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.elements) { return; }
  let at = forward_copy(item / params.elements_per_copy) * params.elements_per_copy + item % params.elements_per_copy;
  output[item] = masked(direction[item], y[at], params.low, params.high);
}
