// slots: from a row value (cotangent, tangent) to the forward value of its sample.
//
// Row values have ROWS copies for each sample that is still at work, in the order of the active list; forward values lie
// where the forward pass left them. slots[i] is the forward copy of the i-th active sample, so R rows share one forward
// value and finished samples can drop out between forward and backward without anything being moved.
//
// Binding 7 in every kernel that links this file.
//
//   lead   which copy of an operand belongs to output copy l:  0 the only one,  1 copy l,  2 the forward copy of l's sample
//
// linked into every kernel that reads both; the kernel's Params has `rows`

@group(0) @binding(7) var<storage, read> slots: array<u32>;

fn forward_copy(row_copy: u32) -> u32 {
  return slots[row_copy / params.rows];
}

fn operand_copy(lead: u32, copy: u32) -> u32 {
  if (lead == 0u) { return 0u; }
  if (lead == 2u) { return forward_copy(copy); }
  return copy;
}
