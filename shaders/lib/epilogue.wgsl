// epilogue: which steps a kernel takes between its sums and what it writes.
//
//   BIASED    add bias, one number per output channel or column
//   ADDED     add another value of the output's shape: the other arm of a residual block, or another cotangent
//   CLAMPED   min(max(·, low), high): ReLU is [0, ∞], ReLU6 is [0, 6]
//   MASKED    keep where low < y < high, else 0, y being the clamped activation this gradient flows back through
//
// The steps are bits of a uniform rather than constants: they are taken once per result, a uniform branch costs nothing
// there, and one pipeline serves every layer, forward and backward. Software adapters need a tenth of a second per pipeline.
//
// Software adapters run both sides of an `if` and throw one away; only loops are left early. Steps that cost more than a few
// instructions are therefore loops of one round:  for (var once = takes(MASKED); once; once = false) { … }
//
// linked into every kernel with an epilogue; its Params has `epilogue`, `low` and `high`

const BIASED: u32 = 1u;
const ADDED: u32 = 2u;
const CLAMPED: u32 = 4u;
const MASKED: u32 = 8u;

fn takes(step: u32) -> bool {
  return (params.epilogue & step) != 0u;
}
