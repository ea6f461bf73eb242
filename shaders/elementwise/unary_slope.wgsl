// unary_slope: a cotangent (or a tangent) through y = f(x):  d[i] · f′(x[i]).
//
// The derivative of an element-wise function is diagonal, so its vjp and its jvp are this same product.
//
// layout   d and out are row values; x and y are the sample's forward values, read through slots
// grid     elements along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      lib/grid, lib/ieee, lib/slots and one of elementwise/functions/*, which defines slope(x, y)

struct Params { elements: u32, elements_per_copy: u32, rows: u32, alpha: f32, beta: f32 }

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       y: array<f32>;
@group(0) @binding(2) var<storage, read>       direction: array<f32>;
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
  let at = forward_copy(item / params.elements_per_copy) * params.elements_per_copy + item % params.elements_per_copy;
  output[item] = direction[item] * slope(vec4f(x[at]), vec4f(y[at])).x;
}
