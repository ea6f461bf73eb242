// matmul_tiled: matrix product with a shared right-hand side through workgroup memory.
//
//   out[r, n] = epilogue( Σ_k A[r, k] · B[k, n] )
//
// layout   as matmul_direct.wgsl
// tile     workgroup: 64 rows × 64 columns, 16 × 16 invocations of 4 × 4; K_TILE = 16; 8 KiB workgroup memory
// grid     lines / 64 along the folded line; z = ⌈quads / 16⌉
// assumes  one B for all rows (dense layers: the rows of all samples and cotangents form one tall matrix)
// used by  GPUs, where the tile is filled
//
// specialised by   const LANES: u32 = 256; const A_LEAD, B_LEAD: u32; const SHARED_B: bool;
// linked with      matmul/interface, lib/epilogue, lib/grid, lib/slots, and one of lib/weights_f32, lib/weights_f16

const SIDE: u32 = 16u;
const K_TILE: u32 = 16u;
const TILE: u32 = 64u;

var<workgroup> a_tile: array<array<vec4f, SIDE>, K_TILE>;   // [k][row quad]: four rows side by side
var<workgroup> b_tile: array<array<vec4f, SIDE>, K_TILE>;   // [k][column quad]

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let lane_x = lane % SIDE;       // k while loading A; column quad while loading B and while summing
  let lane_y = lane / SIDE;       // row quad while loading A and while summing; k while loading B
  let first_line = group_index(group, grid) * TILE + lane_y * 4u;
  let quad = group.z * SIDE + lane_x;

  let line = min(vec4u(first_line) + vec4u(0, 1, 2, 3), vec4u(params.lines - 1u));
  let at = vec4u(a_offset(line.x), a_offset(line.y), a_offset(line.z), a_offset(line.w));

  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  for (var k0 = 0u; k0 < params.depth; k0 += K_TILE) {
    let k_a = k0 + lane_x;
    var rows = vec4f();
    if (k_a < params.depth) { rows = vec4f(a[at.x + k_a], a[at.y + k_a], a[at.z + k_a], a[at.w + k_a]); }
    a_tile[lane_x][lane_y] = rows;
    let k_b = k0 + lane_y;
    var columns = vec4f();
    if (k_b < params.depth && quad < params.quads) { columns = vec4f(b[k_b * params.quads + quad]); }
    b_tile[lane_y][lane_x] = columns;
    workgroupBarrier();

    for (var k = 0u; k < K_TILE; k++) {
      let x = a_tile[k][lane_y];
      let w = b_tile[k][lane_x];
      sum0 += w.x * x;
      sum1 += w.y * x;
      sum2 += w.z * x;
      sum3 += w.w * x;
    }
    workgroupBarrier();
  }

  let sums = array(sum0, sum1, sum2, sum3);
  for (var n = 0u; n < 4u; n++) { store(first_line, quad * 4u + n, sums[n]); }
}
