// binary: y = f(a, b) with NumPy broadcasting, element by element.
//
//   A_LEAD, B_LEAD   which copy of the operand belongs to output copy l:  0 the only one,  1 copy l,  2 the forward copy
//                    of l's sample (slots)
//
// layout   out is contiguous with the given extents; a and b are addressed by strides, 0 on broadcast axes.
//          SAME_SHAPE says that neither is broadcast within a copy, which saves the divisions.
// grid     elements along the folded line, LANES to a group
//
// specialised by   const LANES, AXES: u32; const A_LEAD, B_LEAD: u32; const SAME_SHAPE, CLAMPED: bool;
// linked with      lib/grid, lib/ieee, lib/slots, lib/indexing and one of elementwise/functions/*, which defines value(a, b)

struct Params {
  elements: u32, elements_per_copy: u32, a_per_copy: u32, b_per_copy: u32, rows: u32,
  low: f32, high: f32, alpha: f32, beta: f32,
  extents: array<vec4i, 2>, a_strides: array<vec4i, 2>, b_strides: array<vec4i, 2>,
}

@group(0) @binding(0) var<storage, read>       a: array<f32>;
@group(0) @binding(1) var<storage, read>       b: array<f32>;
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
  let copy = item / params.elements_per_copy;
  let within = item % params.elements_per_copy;
  var at_a = within;
  var at_b = within;
  if (!SAME_SHAPE) {
    let at = coordinates(within, Axes(params.extents[0], params.extents[1]));
    at_a = u32(address(at, Axes(params.a_strides[0], params.a_strides[1])));
    at_b = u32(address(at, Axes(params.b_strides[0], params.b_strides[1])));
  }
  at_a += operand_copy(A_LEAD, copy) * params.a_per_copy;
  at_b += operand_copy(B_LEAD, copy) * params.b_per_copy;
  var result = value(a[at_a], b[at_b]);
  if (CLAMPED) { result = clamped(result, params.low, params.high); }
  output[item] = result;
}
