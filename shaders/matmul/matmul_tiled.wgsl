// matmul_tiled: matrix product with a shared right-hand side through workgroup memory.
//
//   out[r, n] = epilogue( Σ_k A[r, k] · B[k, n] )
//
// layout   as matmul_direct.wgsl
// tile     workgroup: 64·BLOCKS rows × 64·BLOCKS columns. One invocation: BLOCKS × BLOCKS blocks of 4 × 4, 64 apart both ways,
//          as in conv_tiled.wgsl. K_TILE = 16 / BLOCKS: 8 KiB workgroup memory
// grid     lines / (64·BLOCKS) along the folded line; z = tiles of 64·BLOCKS columns · slices of k
// assumes  one B for all rows (dense layers: the rows of all samples and cotangents form one tall matrix)
// used by  GPUs, where the tile is filled; BLOCKS = 2 only where a tuner found it faster
//
// specialised by   const LANES: u32 = 256; const BLOCKS: u32 (1 or 2); const A_LEAD, B_LEAD: u32;
// linked with      matmul/interface, lib/epilogue, lib/grid, lib/ieee, lib/slices, lib/slots, and one of lib/weights_f32, lib/weights_f16

const SIDE: u32 = 16u;                  // invocations along each side of the tile
const QUADS: u32 = SIDE * BLOCKS;       // row quads, and column quads, of a tile
const K_TILE: u32 = SIDE / BLOCKS;

var<workgroup> a_tile: array<array<vec4f, QUADS>, K_TILE>;   // [k][row quad]: four rows side by side
var<workgroup> b_tile: array<array<vec4f, QUADS>, K_TILE>;   // [k][column quad]

/// Four columns of the product, those of the matrix, by four rows.
fn products(w: vec4f, x: vec4f) -> mat4x4f {
  return mat4x4f(w.x * x, w.y * x, w.z * x, w.w * x);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let slice = slice_of(group.z, params.depth);
  let first_line = group_index(group, grid) * (4u * QUADS);
  let first_quad = slice.tile * QUADS;

  // Neighbours read neighbours: along k in A, along columns in B.
  let a_k = lane % K_TILE;
  let a_quad = lane / K_TILE;
  let b_quad = lane % QUADS;
  let b_k = lane / QUADS;
  let line = min(vec4u(first_line + a_quad * 4u) + vec4u(0, 1, 2, 3), vec4u(params.lines - 1u));
  let at = vec4u(a_offset(line.x), a_offset(line.y), a_offset(line.z), a_offset(line.w));

  let column_quad = lane % SIDE;
  let row_quad = lane / SIDE;
  // Blocks by rows, then by columns; with BLOCKS = 1 there is the first alone.
  var sum00 = mat4x4f(); var sum01 = mat4x4f(); var sum10 = mat4x4f(); var sum11 = mat4x4f();

  for (var k0 = slice.begin; k0 < slice.end; k0 += K_TILE) {
    let k = k0 + a_k;
    var rows = vec4f();
    if (k < slice.end) { rows = vec4f(a[at.x + k], a[at.y + k], a[at.z + k], a[at.w + k]); }
    a_tile[a_k][a_quad] = rows;
    var columns = vec4f();
    if (k0 + b_k < slice.end && first_quad + b_quad < params.quads) {
      columns = vec4f(b[(k0 + b_k) * params.quads + first_quad + b_quad]);
    }
    b_tile[b_k][b_quad] = columns;
    workgroupBarrier();

    for (var i = 0u; i < K_TILE; i++) {
      let x0 = a_tile[i][row_quad];
      let w0 = b_tile[i][column_quad];
      sum00 += products(w0, x0);
      if (BLOCKS == 2u) {
        let x1 = a_tile[i][row_quad + SIDE];
        let w1 = b_tile[i][column_quad + SIDE];
        sum01 += products(w1, x0);
        sum10 += products(w0, x1);
        sum11 += products(w1, x1);
      }
    }
    workgroupBarrier();
  }

  // As in conv_direct.wgsl: a loop over what is next to be written.
  for (var i = 0u; i < BLOCKS * BLOCKS; i++) {
    let top = first_line + (row_quad + (i / BLOCKS) * SIDE) * 4u;
    let quad = first_quad + column_quad + (i % BLOCKS) * SIDE;
    for (var n = 0u; n < 4u; n++) {
      store(slice.index, top, quad * 4u + n, sum00[0]);
      sum00 = mat4x4f(sum00[1], sum00[2], sum00[3], sum00[0]);
    }
    sum00 = sum01; sum01 = sum10; sum10 = sum11;
  }
}
