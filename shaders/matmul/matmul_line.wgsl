// matmul_line: matrix product of a few rows, for one picture's dense layers.
//
//   out[r, n] = epilogue( Σ_k A[r, k] · B[k, n] )
//
// There is no second row to share B's numbers with, so every one of them is loaded once and used once: time is that of the
// loads, and a tile would only be idle. What is left is the least code, and a pipeline that is compiled soonest.
//
// layout   as matmul_direct.wgsl
// tile     one invocation: 1 row × 4 columns; those of a workgroup lie side by side along the columns
// grid     lines along the folded line, one to a workgroup; z = ⌈quads / LANES⌉
// used by  software adapters where a product has a single row
//
// specialised by   const LANES: u32; const A_LEAD, B_LEAD: u32;
// linked with      matmul/interface, lib/epilogue, lib/grid, lib/ieee, lib/slots, and one of lib/weights_f32, lib/weights_f16

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let line = group_index(group, grid);
  let quad = group.z * LANES + lane;
  if (line >= params.lines || quad >= params.quads) { return; }

  var at = a_offset(line);
  var at_b = b_offset(line) + quad;
  var sum = vec4f();
  for (var k = 0u; k < params.depth; k++) {
    sum += a[at] * vec4f(b[at_b]);
    at++;
    at_b += params.quads;
  }

  // As in conv_direct.wgsl: a loop over what is next to be written.
  for (var n = 0u; n < 4u; n++) {
    finish(sum.x, 0u, line, quad * 4u + n);
    sum = sum.yzwx;
  }
}
