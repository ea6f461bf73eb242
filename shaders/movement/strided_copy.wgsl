// strided_copy: every movement of data that an affine rule describes: transpose, slice, pad, expand, concatenate, and the
// adjoints of all of these.
//
//   for every block coordinate c:   s = (c · step + offset) / divisor   on each axis
//   out[c · out_strides + out_offset] = in[s · in_strides]   where the division is exact and 0 ≤ s < bounds,
//                                       else `fill`
//
//   slice      step and offset read every step-th element;  its adjoint divides by step instead and fills with 0
//   pad        offset = −pad: outside the bounds the fill appears;  its adjoint is a slice
//   expand     in_stride 0
//   concat     one launch per input, each writing its own block of the output
//
// The host merges axes that are walked as one: most copies of whole channels are left with a single axis.
//
// layout   any; copies of input and output follow each other at in_per_copy and out_per_copy elements
// grid     block elements of all copies along the folded line, LANES to a group
//
// specialised by   const LANES, AXES: u32; const DIVIDED: bool: some divisor is not 1;
// linked with      lib/grid, lib/indexing, lib/slots

struct Params {
  elements: u32, elements_per_copy: u32, in_per_copy: u32, out_per_copy: u32, out_offset: u32, rows: u32, in_lead: u32,
  fill: f32,
  extents: array<vec4i, 2>, step: array<vec4i, 2>, offset: array<vec4i, 2>, divisor: array<vec4i, 2>,
  bounds: array<vec4i, 2>, in_strides: array<vec4i, 2>, out_strides: array<vec4i, 2>,
}

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

/// The source coordinate on four axes, and whether it exists.
fn source_coordinate(at: vec4i, half: u32) -> vec4i {
  let scaled = at * params.step[half] + params.offset[half];
  if (!DIVIDED) { return select(vec4i(-1), scaled, (scaled >= vec4i(0)) & (scaled < params.bounds[half])); }
  let quotient = scaled / params.divisor[half];
  let exists = (quotient * params.divisor[half] == scaled) & (scaled >= vec4i(0)) & (quotient < params.bounds[half]);
  return select(vec4i(-1), quotient, exists);
}

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
  var from_front = vec4i();
  if (AXES > 4u) { from_front = source_coordinate(at.front, 0u); }
  let from_back = source_coordinate(at.back, 1u);
  var result = params.fill;
  if (all(from_front >= vec4i(0)) && all(from_back >= vec4i(0))) {
    let read_at = address(Axes(from_front, from_back), Axes(params.in_strides[0], params.in_strides[1]));
    result = input[operand_copy(params.in_lead, copy) * params.in_per_copy + u32(read_at)];
  }
  let write_at = address(at, Axes(params.out_strides[0], params.out_strides[1]));
  output[copy * params.out_per_copy + params.out_offset + u32(write_at)] = result;
}
