// block_copy: a run of numbers copied from every sample of one tensor into every sample of another: concatenation and slices of
// whole channels, and whatever else the host finds to be a single run on both sides.
//
//   out[copy, out_offset + i] = in[copy, in_offset + i]        i < length
//
// layout   copies of input and output follow each other at in_per_copy and out_per_copy elements
// tile     one invocation: RUN elements, ⌈length / RUN⌉ apart, so that neighbours read and write neighbours
// grid     ⌈length / RUN⌉ items of all copies along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      lib/grid, lib/slots

const RUN: u32 = 4u;

struct Params { copies: u32, length: u32, in_per_copy: u32, in_offset: u32, out_per_copy: u32, out_offset: u32, rows: u32, in_lead: u32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let items = (params.length + RUN - 1u) / RUN;
  let item = item_index(group, grid, lane);
  let copy = item / items;
  if (copy >= params.copies) { return; }
  let source = operand_copy(params.in_lead, copy) * params.in_per_copy + params.in_offset;
  let place = copy * params.out_per_copy + params.out_offset;
  for (var i = item % items; i < params.length; i += items) { output[place + i] = input[source + i]; }
}
