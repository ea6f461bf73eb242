// conv_strip: 2-D convolution with horizontal stride and dilation 1, a strip of neighbouring pixels to an invocation.
//
//   out[n, m, (y, x + i)] = epilogue( Σ_kh Σ_c Σ_kw  W[kh, kw, c, m] · in[n, c, row(y, kh), x + i + kw − pad] ),  i < 4·PARTS
//
// Neighbouring pixels read overlapping runs of a row. The run is loaded once into registers and slides by one pixel for each
// kw, so a load serves up to kernel_w · CHANNELS products. On a CPU, where each load costs as much as ten multiply-adds,
// that is most of the time saved.
//
// Along a row the adjoint of such a convolution is one too, with the kernel turned round and pad′ = kernel − 1 − pad: the
// host packs its weights so. Across rows, where stride and dilation are free, the linked tap rule finds the source.
//
// layout   as conv_direct.wgsl
// tile     one invocation: 4·PARTS pixels of one row × CHANNELS output channels
// grid     images · out_h · ⌈out_w / 4·PARTS⌉ strips along the folded line, LANES to a group; z = groups · tiles of CHANNELS
// assumes  stride_w = dilation_w = 1; kernel_w ≤ 1 + 4·SPAN, the run held in registers being 4·(PARTS + SPAN) ≤ 20 long
// used by  software adapters
//
// specialised by   const LANES: u32; const CHANNELS: u32 (1, 4 or 8); const PARTS: u32 (2 or 3);
//                  const SPAN: u32 (0, 1 or 2); const HAS_BIAS, CLAMPED, MASKED: bool;
// linked with      conv/params, conv/epilogue, lib/grid, lib/slots, and one of lib/taps_forward, lib/taps_adjoint

const STRIP: u32 = 4u * PARTS;

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
  let inside4 = (start + 16 >= vec4i(0)) & (start + 16 < width);
  let columns0 = vec4u(select(vec4i(), start, inside0));
  let columns1 = vec4u(select(vec4i(), start + 4, inside1));
  let columns2 = vec4u(select(vec4i(), start + 8, inside2));
  let columns3 = vec4u(select(vec4i(), start + 12, inside3));
  let columns4 = vec4u(select(vec4i(), start + 16, inside4));

  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let plane = params.in_h * params.in_w;
  let base = (image * params.groups + conv_group) * params.channels * plane;
  let quads_per_channel = params.groups * params.quads;
  let quads_per_tap = params.channels * quads_per_channel;

  // a, b, c: the first, second and third four pixels; the number is the output channel.
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
  var b4 = vec4f(); var b5 = vec4f(); var b6 = vec4f(); var b7 = vec4f();
  var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f();
  var c4 = vec4f(); var c5 = vec4f(); var c6 = vec4f(); var c7 = vec4f();

  for (var tap_h = 0u; tap_h < params.kernel_h; tap_h++) {
    let from_h = source(vec4i(i32(row)), i32(tap_h), axis_h).x;
    if (from_h < 0) { continue; }
    var at_row = base + u32(from_h) * params.in_w;
    var at_channel = tap_h * params.kernel_w * quads_per_tap + conv_group * params.quads + quad;
    for (var channel = 0u; channel < params.channels; channel++) {
      var x0 = load(at_row, columns0, inside0);
      var x1 = load(at_row, columns1, inside1);
      var x2 = vec4f();
      var x3 = vec4f();
      var x4 = vec4f();
      if (PARTS + SPAN > 2u) { x2 = load(at_row, columns2, inside2); }
      if (PARTS + SPAN > 3u) { x3 = load(at_row, columns3, inside3); }
      if (PARTS + SPAN > 4u) { x4 = load(at_row, columns4, inside4); }
      var at_weight = at_channel;
      for (var tap_w = 0u; tap_w < params.kernel_w; tap_w++) {
        if (CHANNELS == 1u) {
          let w = weights[at_weight].x;
          a0 += w * x0; b0 += w * x1;
          if (PARTS > 2u) { c0 += w * x2; }
        } else {
          let w = weights[at_weight];
          a0 += w.x * x0; b0 += w.x * x1;
          a1 += w.y * x0; b1 += w.y * x1;
          a2 += w.z * x0; b2 += w.z * x1;
          a3 += w.w * x0; b3 += w.w * x1;
          if (PARTS > 2u) { c0 += w.x * x2; c1 += w.y * x2; c2 += w.z * x2; c3 += w.w * x2; }
        }
        if (CHANNELS == 8u) {
          let v = weights[at_weight + second];
          a4 += v.x * x0; b4 += v.x * x1;
          a5 += v.y * x0; b5 += v.y * x1;
          a6 += v.z * x0; b6 += v.z * x1;
          a7 += v.w * x0; b7 += v.w * x1;
          if (PARTS > 2u) { c4 += v.x * x2; c5 += v.y * x2; c6 += v.z * x2; c7 += v.w * x2; }
        }
        if (SPAN > 0u) {
          x0 = vec4f(x0.yzw, x1.x);
          x1 = vec4f(x1.yzw, x2.x);
          x2 = vec4f(x2.yzw, x3.x);
          x3 = vec4f(x3.yzw, x4.x);
          x4 = vec4f(x4.yzw, 0.0);
        }
        at_weight += quads_per_tap;
      }
      at_row += plane;
      at_channel += quads_per_channel;
    }
  }

  let m = quad * 4u;
  let strip = Strip(image, row, pixels, first);
  store_run(conv_group, m, strip, a0, b0, c0);
  if (CHANNELS >= 4u) {
    store_run(conv_group, m + 1u, strip, a1, b1, c1);
    store_run(conv_group, m + 2u, strip, a2, b2, c2);
    store_run(conv_group, m + 3u, strip, a3, b3, c3);
  }
  if (CHANNELS == 8u) {
    store_run(conv_group, m + 4u, strip, a4, b4, c4);
    store_run(conv_group, m + 5u, strip, a5, b5, c5);
    store_run(conv_group, m + 6u, strip, a6, b6, c6);
    store_run(conv_group, m + 7u, strip, a7, b7, c7);
  }
}

struct Strip { image: u32, row: u32, pixels: u32, first: u32 }

fn store_part(conv_group: u32, m: u32, strip: Strip, part: u32, sums: vec4f) {
  let column = vec4u(strip.first + 4u * part) + vec4u(0, 1, 2, 3);
  let place = Place(vec4u(strip.image), strip.row * params.out_w + column, strip.pixels, column < vec4u(params.out_w));
  store(conv_group, m, place, sums);
}

/// Writes output channel m of a group along the strip.
fn store_run(conv_group: u32, m: u32, strip: Strip, a: vec4f, b: vec4f, c: vec4f) {
  store_part(conv_group, m, strip, 0u, a);
  store_part(conv_group, m, strip, 1u, b);
  if (PARTS > 2u) { store_part(conv_group, m, strip, 2u, c); }
}
