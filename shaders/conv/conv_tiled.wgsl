// conv_tiled: 2-D convolution or its adjoint as an implicit GEMM through workgroup memory.
//
//   out[n, m, p] = epilogue( Σ_k  W[k, m] · in[n, c(k), source(p, tap(k))] ),    k = tap · channels + c
//
// The same sum as conv_direct.wgsl. A workgroup walks k in steps of K_TILE; each step brings a K_TILE × 64 tile of weights
// and a K_TILE × 64 tile of gathered pixels into workgroup memory, where every value is used by 16 invocations.
//
// layout   as conv_direct.wgsl
// tile     workgroup: 64 output channels × 64 columns, 16 × 16 invocations of 4 × 4; K_TILE = 16; 8 KiB workgroup memory
// grid     columns / 64 along the folded line; z = groups · tiles of 64 output channels
// used by  GPUs, where channels and columns fill the tile
//
// specialised by   const LANES: u32 = 256;
// linked with      conv/interface, conv/epilogue, lib/epilogue, lib/grid, lib/slots, one of lib/taps_forward, lib/taps_adjoint,
//                  and one of lib/weights_f32, lib/weights_f16

const SIDE: u32 = 16u;            // invocations along each side of the tile
const K_TILE: u32 = 16u;
const TILE: u32 = 64u;            // columns, and output channels, of a tile

@group(0) @binding(1) var<storage, read>       weights: array<Weight4>;

var<workgroup> weight_tile: array<array<vec4f, SIDE>, K_TILE>;   // [k][output quad]
var<workgroup> pixel_tile: array<array<vec4f, SIDE>, K_TILE>;    // [k][column quad]

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tiles = (params.quads + SIDE - 1u) / SIDE;
  let conv_group = group.z / tiles;
  let first_quad = (group.z % tiles) * SIDE;
  let lane_x = lane % SIDE;       // column quad while loading pixels and while summing
  let lane_y = lane / SIDE;       // k while loading; output quad while summing

  let wanted = vec4u(group_index(group, grid) * TILE + lane_x * 4u) + vec4u(0, 1, 2, 3);
  let columns = min(wanted, vec4u(params.columns - 1u));
  let pixels = params.out_h * params.out_w;
  let image = columns / pixels;
  let pixel = columns % pixels;
  let row = vec4i(pixel / params.out_w);
  let column = vec4i(pixel % params.out_w);

  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let axis_w = Axis(params.stride_w, params.pad_w, params.dilation_w, i32(params.in_w));
  let plane = params.in_h * params.in_w;
  let base = (image * params.groups + conv_group) * params.channels * plane;
  let depth = params.kernel_h * params.kernel_w * params.channels;

  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();

  for (var k0 = 0u; k0 < depth; k0 += K_TILE) {
    let k = k0 + lane_y;
    var x = vec4f();
    var w = vec4f();
    if (k < depth) {
      let tap = k / params.channels;
      let c = k % params.channels;
      let from_h = source(row, i32(tap / params.kernel_w), axis_h);
      let from_w = source(column, i32(tap % params.kernel_w), axis_w);
      let inside = (from_h >= vec4i(0)) & (from_w >= vec4i(0));
      let at = base + c * plane + vec4u(max(from_h, vec4i(0))) * params.in_w + vec4u(max(from_w, vec4i(0)));
      x = select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), inside);
      if (first_quad + lane_x < params.quads) {
        w = vec4f(weights[(k * params.groups + conv_group) * params.quads + first_quad + lane_x]);
      }
    }
    pixel_tile[lane_y][lane_x] = x;
    weight_tile[lane_y][lane_x] = w;
    workgroupBarrier();

    for (var i = 0u; i < K_TILE; i++) {
      let a = weight_tile[i][lane_y];
      let b = pixel_tile[i][lane_x];
      sum0 += a.x * b;
      sum1 += a.y * b;
      sum2 += a.z * b;
      sum3 += a.w * b;
    }
    workgroupBarrier();
  }

  let place = Place(image, pixel, pixels, wanted < vec4u(params.columns));
  let sums = array(sum0, sum1, sum2, sum3);
  for (var m = 0u; m < 4u; m++) { store(conv_group, (first_quad + lane_y) * 4u + m, place, sums[m]); }
}
