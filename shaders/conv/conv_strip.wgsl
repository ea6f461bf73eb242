// conv_strip: 2-D convolution with horizontal stride and dilation 1, eight neighbouring pixels to an invocation.
//
//   out[n, m, (y, x + i)] = epilogue( Σ_kh Σ_c Σ_kw  W[kh, kw, c, m] · in[n, c, row(y, kh), x + i + kw − pad] ),  i = 0 … 7
//
// Neighbouring pixels read overlapping runs of a row. The run is loaded once into registers and slides by one pixel for each
// kw, so a load serves up to kernel_w · CHANNELS products. On a CPU, where each load costs as much as ten multiply-adds,
// that is most of the time saved.
//
// Along a row the adjoint of such a convolution is one too, with the kernel turned round and pad′ = kernel − 1 − pad: the
// host packs its weights so. Across rows, where stride and dilation are free, the linked tap rule finds the source.
//
// layout   as conv_direct.wgsl
// tile     one invocation: 8 pixels of one row × CHANNELS output channels
// grid     images · out_h · ⌈out_w / 8⌉ strips along the folded line, LANES to a group; z = groups · tiles of CHANNELS
// assumes  stride_w = dilation_w = 1; kernel_w ≤ 1 + 4·SPAN, the run held in registers being 8 + 4·SPAN long
// used by  software adapters
//
// specialised by   const LANES: u32; const CHANNELS: u32 (1, 4 or 8); const SPAN: u32 (0, 1 or 2);
//                  const HAS_BIAS, CLAMPED, MASKED: bool;
// linked with      conv/params, conv/epilogue, lib/grid, lib/slots, and one of lib/taps_forward, lib/taps_adjoint

const STRIP: u32 = 8u;

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read>       weights: array<vec4f>;
@group(0) @binding(2) var<storage, read>       bias: array<f32>;
@group(0) @binding(3) var<storage, read>       mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<uniform>             params: Params;

fn load(base: u32, columns: vec4u, inside: vec4<bool>) -> vec4f {
  let at = base + columns;
  return select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let strips = (params.out_w + STRIP - 1u) / STRIP;
  let item = item_index(group, grid, lane);
  let line = item / strips;
  let image = line / params.out_h;
  let pixels = params.out_h * params.out_w;
  if (image * pixels >= params.columns) { return; }
  let row = line % params.out_h;
  let first = (item % strips) * STRIP;

  let quads_per_tile = (CHANNELS + 3u) / 4u;
  let tiles = (params.quads + quads_per_tile - 1u) / quads_per_tile;
  let conv_group = group.z / tiles;
  let quad = (group.z % tiles) * quads_per_tile;
  // With an odd number of quads the last tile's second half re-reads a valid quad and is never stored.
  let second = select(0u, 1u, quad + 1u < params.quads);

  // The run of input columns, and which of them exist: the same for every row and channel.
  let start = vec4i(i32(first) - params.pad_w) + vec4i(0, 1, 2, 3);
  let width = vec4i(i32(params.in_w));
  let inside0 = (start >= vec4i(0)) & (start < width);
  let inside1 = (start + 4 >= vec4i(0)) & (start + 4 < width);
  let inside2 = (start + 8 >= vec4i(0)) & (start + 8 < width);
  let inside3 = (start + 12 >= vec4i(0)) & (start + 12 < width);
  let columns0 = vec4u(select(vec4i(), start, inside0));
  let columns1 = vec4u(select(vec4i(), start + 4, inside1));
  let columns2 = vec4u(select(vec4i(), start + 8, inside2));
  let columns3 = vec4u(select(vec4i(), start + 12, inside3));

  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let plane = params.in_h * params.in_w;
  let base = (image * params.groups + conv_group) * params.channels * plane;
  let quads_per_channel = params.groups * params.quads;
  let quads_per_tap = params.channels * quads_per_channel;

  // a: the left four pixels, b: the right four; the number is the output channel.
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
  var b4 = vec4f(); var b5 = vec4f(); var b6 = vec4f(); var b7 = vec4f();

  for (var tap_h = 0u; tap_h < params.kernel_h; tap_h++) {
    let from_h = source(vec4i(i32(row)), i32(tap_h), axis_h).x;
    if (from_h < 0) { continue; }
    var at_row = base + u32(from_h) * params.in_w;
    var at_channel = tap_h * params.kernel_w * quads_per_tap + conv_group * params.quads + quad;
    for (var c = 0u; c < params.channels; c++) {
      var x0 = load(at_row, columns0, inside0);
      var x1 = load(at_row, columns1, inside1);
      var x2 = vec4f();
      var x3 = vec4f();
      if (SPAN > 0u) { x2 = load(at_row, columns2, inside2); }
      if (SPAN > 1u) { x3 = load(at_row, columns3, inside3); }
      var at_weight = at_channel;
      for (var tap_w = 0u; tap_w < params.kernel_w; tap_w++) {
        if (CHANNELS == 1u) {
          let w = weights[at_weight].x;
          a0 += w * x0; b0 += w * x1;
        } else {
          let w = weights[at_weight];
          a0 += w.x * x0; b0 += w.x * x1;
          a1 += w.y * x0; b1 += w.y * x1;
          a2 += w.z * x0; b2 += w.z * x1;
          a3 += w.w * x0; b3 += w.w * x1;
        }
        if (CHANNELS == 8u) {
          let v = weights[at_weight + second];
          a4 += v.x * x0; b4 += v.x * x1;
          a5 += v.y * x0; b5 += v.y * x1;
          a6 += v.z * x0; b6 += v.z * x1;
          a7 += v.w * x0; b7 += v.w * x1;
        }
        if (SPAN > 0u) {
          x0 = vec4f(x0.yzw, x1.x);
          x1 = vec4f(x1.yzw, x2.x);
          x2 = vec4f(x2.yzw, x3.x);
          x3 = vec4f(x3.yzw, 0.0);
        }
        at_weight += quads_per_tap;
      }
      at_row += plane;
      at_channel += quads_per_channel;
    }
  }

  let left = vec4u(first) + vec4u(0, 1, 2, 3);
  let right = left + 4u;
  let place_a = Place(vec4u(image), row * params.out_w + left, pixels, left < vec4u(params.out_w));
  let place_b = Place(vec4u(image), row * params.out_w + right, pixels, right < vec4u(params.out_w));
  let m = quad * 4u;
  store(conv_group, m, place_a, a0);
  store(conv_group, m, place_b, b0);
  if (CHANNELS >= 4u) {
    store(conv_group, m + 1u, place_a, a1); store(conv_group, m + 1u, place_b, b1);
    store(conv_group, m + 2u, place_a, a2); store(conv_group, m + 2u, place_b, b2);
    store(conv_group, m + 3u, place_a, a3); store(conv_group, m + 3u, place_b, b3);
  }
  if (CHANNELS == 8u) {
    store(conv_group, m + 4u, place_a, a4); store(conv_group, m + 4u, place_b, b4);
    store(conv_group, m + 5u, place_a, a5); store(conv_group, m + 5u, place_b, b5);
    store(conv_group, m + 6u, place_a, a6); store(conv_group, m + 6u, place_b, b6);
    store(conv_group, m + 7u, place_a, a7); store(conv_group, m + 7u, place_b, b7);
  }
}
