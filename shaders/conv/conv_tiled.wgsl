// conv_tiled: 2-D convolution or its adjoint as an implicit GEMM through workgroup memory.
//
//   out[n, m, p] = epilogue( Σ_k  W[k, m] · in[n, c(k), source(p, tap(k))] ),    k = tap · channels + c
//
// The same sum as conv_direct.wgsl. A workgroup walks k in steps of K_TILE; each step brings K_TILE rows of weights
// and of gathered pixels into workgroup memory, where every value is used by 16 invocations.
//
// layout   as conv_direct.wgsl
// tile     workgroup: 64·BLOCKS output channels × 64·BLOCKS columns. One invocation: BLOCKS × BLOCKS blocks of 4 × 4, 64 apart
//          both ways, so that with two of them a value read from workgroup memory serves eight products instead of four.
//          K_TILE = 16 / BLOCKS: 8 KiB workgroup memory, of which an invocation loads one vec4 of weights and one of pixels.
// grid     columns / (64·BLOCKS) along the folded line; z = groups · tiles of 64·BLOCKS output channels · slices of k
// used by  GPUs, where channels and columns fill the tile; BLOCKS = 2 only where a tuner found it faster
//
// specialised by   const LANES: u32 = 256; const BLOCKS: u32 (1 or 2);
// linked with      conv/interface, conv/epilogue, lib/epilogue, lib/grid, lib/ieee, lib/slices, lib/slots, one of lib/taps_forward,
//                  lib/taps_adjoint, and one of lib/weights_f32, lib/weights_f16

const SIDE: u32 = 16u;                  // invocations along each side of the tile
const QUADS: u32 = SIDE * BLOCKS;       // column quads, and output quads, of a tile
const K_TILE: u32 = SIDE / BLOCKS;

@group(0) @binding(1) var<storage, read>       weights: array<Weight4>;

var<workgroup> weight_tile: array<array<vec4f, QUADS>, K_TILE>;   // [k][output quad]
var<workgroup> pixel_tile: array<array<vec4f, QUADS>, K_TILE>;    // [k][column quad]

/// Four columns from `first` on. Those past the last are the last one again, and not live.
struct Columns { image: vec4u, pixel: vec4u, live: vec4<bool> }

fn columns_at(first: u32) -> Columns {
  let wanted = vec4u(first) + vec4u(0, 1, 2, 3);
  let columns = min(wanted, vec4u(params.columns - 1u));
  let pixels = params.out_h * params.out_w;
  return Columns(columns / pixels, columns % pixels, wanted < vec4u(params.columns));
}

/// Four output channels, the columns of the matrix, by four pixels.
fn products(w: vec4f, x: vec4f) -> mat4x4f {
  return mat4x4f(w.x * x, w.y * x, w.z * x, w.w * x);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let depth = params.kernel_h * params.kernel_w * params.channels;
  let slice = slice_of(group.z, depth);
  let tiles = (params.quads + QUADS - 1u) / QUADS;
  let conv_group = slice.tile / tiles;
  let first_quad = (slice.tile % tiles) * QUADS;
  let first_column = group_index(group, grid) * (4u * QUADS);
  let load_quad = lane % QUADS;   // of columns and of output channels
  let load_k = lane / QUADS;

  let seen = columns_at(first_column + load_quad * 4u);
  let row = vec4i(seen.pixel / params.out_w);
  let column = vec4i(seen.pixel % params.out_w);
  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let axis_w = Axis(params.stride_w, params.pad_w, params.dilation_w, i32(params.in_w));
  let plane = params.in_h * params.in_w;
  let base = (seen.image * params.groups + conv_group) * params.channels * plane;

  let column_quad = lane % SIDE;
  let output_quad = lane / SIDE;
  // Blocks by output channels, then by columns; with BLOCKS = 1 there is the first alone.
  var sum00 = mat4x4f(); var sum01 = mat4x4f(); var sum10 = mat4x4f(); var sum11 = mat4x4f();

  for (var k0 = slice.begin; k0 < slice.end; k0 += K_TILE) {
    let k = k0 + load_k;
    var x = vec4f();
    var w = vec4f();
    if (k < slice.end) {
      let tap = k / params.channels;
      let c = k % params.channels;
      let from_h = source(row, i32(tap / params.kernel_w), axis_h);
      let from_w = source(column, i32(tap % params.kernel_w), axis_w);
      let inside = (from_h >= vec4i(0)) & (from_w >= vec4i(0));
      let at = base + c * plane + vec4u(max(from_h, vec4i(0))) * params.in_w + vec4u(max(from_w, vec4i(0)));
      x = select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), inside);
      if (first_quad + load_quad < params.quads) {
        w = vec4f(weights[(k * params.groups + conv_group) * params.quads + first_quad + load_quad]);
      }
    }
    pixel_tile[load_k][load_quad] = x;
    weight_tile[load_k][load_quad] = w;
    workgroupBarrier();

    for (var i = 0u; i < K_TILE; i++) {
      let w0 = weight_tile[i][output_quad];
      let x0 = pixel_tile[i][column_quad];
      sum00 += products(w0, x0);
      if (BLOCKS == 2u) {
        let w1 = weight_tile[i][output_quad + SIDE];
        let x1 = pixel_tile[i][column_quad + SIDE];
        sum01 += products(w0, x1);
        sum10 += products(w1, x0);
        sum11 += products(w1, x1);
      }
    }
    workgroupBarrier();
  }

  // A loop over what is next to be written, as in conv_direct.wgsl.
  for (var i = 0u; i < BLOCKS * BLOCKS; i++) {
    let quad = first_quad + output_quad + (i / BLOCKS) * SIDE;
    let columns = columns_at(first_column + (column_quad + (i % BLOCKS) * SIDE) * 4u);
    // The images of a slice follow those of the slice before.
    let first_image = slice.index * (params.columns / (params.out_h * params.out_w));
    let place = place_of(columns.image + first_image, columns.pixel, columns.live);
    for (var m = 0u; m < 4u; m++) {
      store(conv_group, quad * 4u + m, place, sum00[0]);
      sum00 = mat4x4f(sum00[1], sum00[2], sum00[3], sum00[0]);
    }
    sum00 = sum01; sum01 = sum10; sum10 = sum11;
  }
}
