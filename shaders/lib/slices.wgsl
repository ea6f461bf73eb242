// slices: which part of a long sum a workgroup makes (split-K).
//
//   Σ_k = Σ_slice Σ_{k in slice},    slice s being  s · slice_depth ≤ k < min((s + 1) · slice_depth, depth)
//
// Where a product has few output tiles but many terms, slices of the terms give more workgroups something to do. Each writes
// its sums, without an epilogue, into a copy of the output of its own; matmul/sum_slices.wgsl adds the copies up. With
// slice_depth = depth there is one slice, and nothing to add.
//
//   z = tile · slices + slice
//
// linked into kernels whose z counts slices, too; their Params has `slice_depth`, and a depth that is not 0

struct Slice { index: u32, tile: u32, begin: u32, end: u32 }

fn slice_of(z: u32, depth: u32) -> Slice {
  let slices = (depth + params.slice_depth - 1u) / params.slice_depth;
  let index = z % slices;
  let begin = index * params.slice_depth;
  return Slice(index, z / slices, begin, min(begin + params.slice_depth, depth));
}
