// interface: bindings, shape and epilogue of every matrix product.
//
//   out[b, r, n] = epilogue( Σ_k A[b, r, k] · B[b', k, n] )
//
//   lines         rows of A in all matrices: copies · matrices_per_copy · height
//   height        rows of one matrix;  depth: k;  width: n;  quads: ⌈width / 4⌉
//   slice_depth   how many k a workgroup sums (lib/slices.wgsl): all of them, unless the product is split
//   column_lanes  for matmul_direct.wgsl: invocations of a workgroup side by side along n
//   A_LEAD, B_LEAD   which copy of the operand belongs to output copy l:  0 the only one,  1 copy l,  2 the forward copy
//                 of l's sample (slots)
//   a_matrices, b_matrices   matrices in one copy of the operand: matrices_per_copy, or 1 to broadcast
//   epilogue      lib/epilogue.wgsl

struct Params {
  lines: u32, height: u32, depth: u32, slice_depth: u32, width: u32, quads: u32, column_lanes: u32,
  matrices_per_copy: u32, a_matrices: u32, b_matrices: u32, rows: u32,
  epilogue: u32, low: f32, high: f32,
}

@group(0) @binding(0) var<storage, read>       a: array<f32>;
@group(0) @binding(1) var<storage, read>       b: array<Weight4>;
@group(0) @binding(2) var<storage, read>       bias: array<f32>;
@group(0) @binding(3) var<storage, read>       mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<uniform>             params: Params;
@group(0) @binding(6) var<storage, read>       addend: array<f32>;

fn operand_matrix(lead: u32, matrices: u32, matrix: u32) -> u32 {
  return operand_copy(lead, matrix / params.matrices_per_copy) * matrices + (matrix % params.matrices_per_copy) % matrices;
}

/// Where row `line` of A begins.
fn a_offset(line: u32) -> u32 {
  return (operand_matrix(A_LEAD, params.a_matrices, line / params.height) * params.height + line % params.height) * params.depth;
}

/// Where the matrix of B that multiplies row `line` begins, in vec4.
fn b_offset(line: u32) -> u32 {
  return operand_matrix(B_LEAD, params.b_matrices, line / params.height) * params.depth * params.quads;
}

fn finish(value: f32, slice: u32, line: u32, n: u32) {
  if (line >= params.lines || n >= params.width) { return; }
  var result = value;
  if (takes(BIASED)) { result += bias[n]; }
  for (var once = takes(ADDED); once; once = false) { result += addend[line * params.width + n]; }
  if (takes(CLAMPED)) { result = clamped(result, params.low, params.high); }
  for (var once = takes(MASKED); once; once = false) {
    let lines_per_copy = params.matrices_per_copy * params.height;
    let forward_line = forward_copy(line / lines_per_copy) * lines_per_copy + line % lines_per_copy;
    result = masked(result, mask[forward_line * params.width + n], params.low, params.high);
  }
  output[(slice * params.lines + line) * params.width + n] = result;
}

/// Writes output column n of a slice's copy of the output for four consecutive rows.
fn store(slice: u32, first_line: u32, n: u32, sums: vec4f) {
  for (var i = 0u; i < 4u; i++) { finish(sums[i], slice, first_line + i, n); }
}
