// matmul_direct: matrix product held in registers, without barriers.
//
//   out[r, n] = epilogue( Σ_k A[r, k] · B[k, n] )
//
// layout   A row-major [lines, depth]; B [depth, quads] vec4, four columns side by side, zero-padded; out [lines, width]
// tile     one invocation: 4 rows × 8 columns. Invocations are column_lanes wide along the columns, so that a narrow
//          product (ten logits) still fills its workgroup with rows.
// grid     lines / (4 · LANES / column_lanes) along the folded line; z = ⌈quads / (2·column_lanes)⌉ · slices of k
// assumes  where B differs from matrix to matrix (B_LEAD ≠ 0 or b_matrices > 1), the four rows of a tile may lie in
//          different matrices; each row then reads its own B
// used by  software adapters, and products, or slices of them, too small to fill the tile of matmul_tiled.wgsl
//
// specialised by   const LANES: u32; const A_LEAD, B_LEAD: u32; const SHARED_B: bool;
// linked with      matmul/interface, lib/epilogue, lib/grid, lib/ieee, lib/slices, lib/slots, and one of lib/weights_f32, lib/weights_f16

/// Four columns of B, each a vector over the four rows of the tile: those that begin at four places, one for each row.
fn columns_at(at: vec4u) -> mat4x4f {
  return transpose(mat4x4f(vec4f(b[at.x]), vec4f(b[at.y]), vec4f(b[at.z]), vec4f(b[at.w])));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let slice = slice_of(group.z, params.depth);
  let row_lanes = LANES / params.column_lanes;
  let first_line = (group_index(group, grid) * row_lanes + lane / params.column_lanes) * 4u;
  let quad = (slice.tile * params.column_lanes + lane % params.column_lanes) * 2u;
  if (first_line >= params.lines || quad >= params.quads) { return; }

  let last = params.lines - 1u;
  let line = min(vec4u(first_line) + vec4u(0, 1, 2, 3), vec4u(last));
  var at = vec4u(a_offset(line.x), a_offset(line.y), a_offset(line.z), a_offset(line.w)) + slice.begin;
  // With an odd number of quads the second one re-reads the first and is never stored.
  let second = select(0u, 1u, quad + 1u < params.quads);

  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  var sum4 = vec4f(); var sum5 = vec4f(); var sum6 = vec4f(); var sum7 = vec4f();

  if (SHARED_B) {
    var at_b = slice.begin * params.quads + quad;
    for (var k = slice.begin; k < slice.end; k++) {
      let x = vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
      let v = vec4f(b[at_b]);
      let w = vec4f(b[at_b + second]);
      sum0 += v.x * x;
      sum1 += v.y * x;
      sum2 += v.z * x;
      sum3 += v.w * x;
      sum4 += w.x * x;
      sum5 += w.y * x;
      sum6 += w.z * x;
      sum7 += w.w * x;
      at += vec4u(1u);
      at_b += params.quads;
    }
  } else {
    var at_b = vec4u(b_offset(line.x), b_offset(line.y), b_offset(line.z), b_offset(line.w)) + slice.begin * params.quads + quad;
    for (var k = slice.begin; k < slice.end; k++) {
      let x = vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
      let v = columns_at(at_b);
      let w = columns_at(at_b + second);
      sum0 += v[0] * x;
      sum1 += v[1] * x;
      sum2 += v[2] * x;
      sum3 += v[3] * x;
      sum4 += w[0] * x;
      sum5 += w[1] * x;
      sum6 += w[2] * x;
      sum7 += w[3] * x;
      at += vec4u(1u);
      at_b += vec4u(params.quads);
    }
  }

  // As in conv_direct.wgsl: a loop over what is next to be written.
  for (var n = 0u; n < 8u; n++) {
    store(slice.index, first_line, quad * 4u + n, sum0);
    sum0 = sum1; sum1 = sum2; sum2 = sum3; sum3 = sum4; sum4 = sum5; sum5 = sum6; sum6 = sum7;
  }
}
