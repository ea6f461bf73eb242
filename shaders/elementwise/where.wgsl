// where: y = a where the condition holds, else b, with NumPy broadcasting. A true choice: what is not chosen may be infinite.
//
// layout   out is contiguous with the given extents; the operands are addressed by strides, 0 on broadcast axes; the condition
//          is 0 or not 0. leads says which copy of condition, a and b belongs to output copy l: 0 the only one, 1 copy l,
//          2 the forward copy of l's sample (slots)
// grid     elements along the folded line, LANES to a group
//
// specialised by   const LANES, AXES: u32;
// linked with      lib/grid, lib/slots, lib/indexing

struct Params {
  elements: u32, elements_per_copy: u32, rows: u32,
  leads: vec4u, per_copy: vec4u,
  extents: array<vec4i, 2>, condition_strides: array<vec4i, 2>, a_strides: array<vec4i, 2>, b_strides: array<vec4i, 2>,
}

@group(0) @binding(0) var<storage, read>       condition: array<f32>;
@group(0) @binding(1) var<storage, read>       a: array<f32>;
@group(0) @binding(2) var<storage, read>       b: array<f32>;
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
  let copy = item / params.elements_per_copy;
  let at = coordinates(item % params.elements_per_copy, Axes(params.extents[0], params.extents[1]));
  let at_condition = operand_copy(params.leads.x, copy) * params.per_copy.x
    + u32(address(at, Axes(params.condition_strides[0], params.condition_strides[1])));
  if (condition[at_condition] != 0.0) {
    output[item] = a[operand_copy(params.leads.y, copy) * params.per_copy.y + u32(address(at, Axes(params.a_strides[0], params.a_strides[1])))];
  } else {
    output[item] = b[operand_copy(params.leads.z, copy) * params.per_copy.z + u32(address(at, Axes(params.b_strides[0], params.b_strides[1])))];
  }
}
