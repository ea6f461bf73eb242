// conv_strip: 2-D convolution with horizontal stride and dilation 1, a strip of neighbouring pixels to an invocation.
//
//   out[n, m, (y, x + i)] = epilogue( Σ_kh Σ_c Σ_kw  W[kh, kw, c, m] · in[n, c, row(y, kh), x + i + kw − pad] ),  i < 4·PARTS
//
// Neighbouring pixels read overlapping runs of a row. The run is loaded once into registers and slides by one pixel for each
// kw, so a load serves up to kernel_w · CHANNELS products. The taps of a row are written out one after another, not looped
// over: software adapters carry every sum of a loop through memory in each of its rounds.
//
// Along a row the adjoint of such a convolution is one too, with the kernel turned round and pad′ = kernel − 1 − pad: the
// host packs its weights so. Across rows, where stride and dilation are free, the linked tap rule finds the source.
//
// layout   as conv_direct.wgsl
// tile     one invocation: 4·PARTS pixels of one row × CHANNELS output channels
// grid     images · out_h · ⌈out_w / 4·PARTS⌉ strips along the folded line, LANES to a group; z = groups · tiles of CHANNELS
// assumes  stride_w = dilation_w = 1; kernel_w = KERNEL_W ≤ 1 + 4·SPAN, the run held in registers being 4·(PARTS + SPAN) ≤ 20 long
// used by  software adapters
//
// specialised by   const LANES: u32; const CHANNELS: u32 (1, 4 or 8); const PARTS: u32 (2 or 3);
//                  const SPAN: u32 (0, 1 or 2); const KERNEL_W: u32;
//                  const UNROLL: u32 (1, 2 or 4, dividing the channels);
// linked with      conv/interface, conv/epilogue, lib/epilogue, lib/grid, lib/ieee, lib/slots, one of conv/weights_each,
//                  conv/weights_shared, one of lib/taps_forward, lib/taps_adjoint, and one of lib/weights_f32, lib/weights_f16

const STRIP: u32 = 4u * PARTS;

/// Sums of a strip: a, b, c are its first, second and third four pixels; the number is the output channel.
struct Sums {
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f, a4: vec4f, a5: vec4f, a6: vec4f, a7: vec4f,
  b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f, b4: vec4f, b5: vec4f, b6: vec4f, b7: vec4f,
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f, c4: vec4f, c5: vec4f, c6: vec4f, c7: vec4f,
}

/// A run of input pixels.
struct Run { x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f, x4: vec4f }

/// Input columns of a run, and which of them exist: the same for every row and channel.
struct Columns {
  c0: vec4u, c1: vec4u, c2: vec4u, c3: vec4u, c4: vec4u,
  i0: vec4<bool>, i1: vec4<bool>, i2: vec4<bool>, i3: vec4<bool>, i4: vec4<bool>,
}

fn columns_from(first: i32) -> Columns {
  let at = vec4i(first) + vec4i(0, 1, 2, 3);
  let end = vec4i(i32(params.in_w));
  let i0 = (at >= vec4i(0)) & (at < end);
  let i1 = (at + 4 >= vec4i(0)) & (at + 4 < end);
  let i2 = (at + 8 >= vec4i(0)) & (at + 8 < end);
  let i3 = (at + 12 >= vec4i(0)) & (at + 12 < end);
  let i4 = (at + 16 >= vec4i(0)) & (at + 16 < end);
  return Columns(
    vec4u(select(vec4i(), at, i0)), vec4u(select(vec4i(), at + 4, i1)), vec4u(select(vec4i(), at + 8, i2)),
    vec4u(select(vec4i(), at + 12, i3)), vec4u(select(vec4i(), at + 16, i4)), i0, i1, i2, i3, i4,
  );
}

/// The columns of a row that may lie outside the picture.
fn columns_where(there: bool, columns: Columns) -> Columns {
  var c = columns;
  c.i0 &= vec4<bool>(there); c.i1 &= vec4<bool>(there); c.i2 &= vec4<bool>(there); c.i3 &= vec4<bool>(there); c.i4 &= vec4<bool>(there);
  return c;
}

fn load(base: u32, columns: vec4u, inside: vec4<bool>) -> vec4f {
  let at = base + columns;
  return select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), inside);
}

/// The run of input pixels of the row that begins at `base`.
fn run_at(base: u32, columns: Columns) -> Run {
  var run = Run(load(base, columns.c0, columns.i0), load(base, columns.c1, columns.i1), vec4f(), vec4f(), vec4f());
  if (PARTS + SPAN > 2u) { run.x2 = load(base, columns.c2, columns.i2); }
  if (PARTS + SPAN > 3u) { run.x3 = load(base, columns.c3, columns.i3); }
  if (PARTS + SPAN > 4u) { run.x4 = load(base, columns.c4, columns.i4); }
  return run;
}

/// The run seen by the next tap.
fn slid(run: Run) -> Run {
  return Run(
    vec4f(run.x0.yzw, run.x1.x), vec4f(run.x1.yzw, run.x2.x), vec4f(run.x2.yzw, run.x3.x), vec4f(run.x3.yzw, run.x4.x),
    vec4f(run.x4.yzw, 0.0),
  );
}

/// The sums with one tap added; `second` is the distance to the weights of the upper four channels.
fn with_tap(sums: Sums, run: Run, at_weight: u32, second: u32) -> Sums {
  var s = sums;
  if (CHANNELS == 1u) {
    let w = first_weight(at_weight);
    s.a0 += w * run.x0; s.b0 += w * run.x1;
    if (PARTS > 2u) { s.c0 += w * run.x2; }
  } else {
    let w = four_weights(at_weight);
    s.a0 += w.x * run.x0; s.b0 += w.x * run.x1;
    if (PARTS > 2u) { s.c0 += w.x * run.x2; }
    s.a1 += w.y * run.x0; s.b1 += w.y * run.x1;
    s.a2 += w.z * run.x0; s.b2 += w.z * run.x1;
    s.a3 += w.w * run.x0; s.b3 += w.w * run.x1;
    if (PARTS > 2u) { s.c1 += w.y * run.x2; s.c2 += w.z * run.x2; s.c3 += w.w * run.x2; }
  }
  if (CHANNELS > 4u) {
    let v = four_weights(at_weight + second);
    s.a4 += v.x * run.x0; s.b4 += v.x * run.x1;
    s.a5 += v.y * run.x0; s.b5 += v.y * run.x1;
    s.a6 += v.z * run.x0; s.b6 += v.z * run.x1;
    s.a7 += v.w * run.x0; s.b7 += v.w * run.x1;
    if (PARTS > 2u) { s.c4 += v.x * run.x2; s.c5 += v.y * run.x2; s.c6 += v.z * run.x2; s.c7 += v.w * run.x2; }
  }
  return s;
}

/// The sums with all taps of one row of one channel added; `stride` is the distance between the weights of two taps.
fn with_row(sums: Sums, first: Run, at: u32, stride: u32, second: u32) -> Sums {
  var run = first;
  var s = with_tap(sums, run, at, second);
  if (KERNEL_W > 1u) { run = slid(run); s = with_tap(s, run, at + stride, second); }
  if (KERNEL_W > 2u) { run = slid(run); s = with_tap(s, run, at + 2u * stride, second); }
  if (KERNEL_W > 3u) { run = slid(run); s = with_tap(s, run, at + 3u * stride, second); }
  if (KERNEL_W > 4u) { run = slid(run); s = with_tap(s, run, at + 4u * stride, second); }
  if (KERNEL_W > 5u) { run = slid(run); s = with_tap(s, run, at + 5u * stride, second); }
  if (KERNEL_W > 6u) { run = slid(run); s = with_tap(s, run, at + 6u * stride, second); }
  if (KERNEL_W > 7u) { run = slid(run); s = with_tap(s, run, at + 7u * stride, second); }
  if (KERNEL_W > 8u) { run = slid(run); s = with_tap(s, run, at + 8u * stride, second); }
  return s;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let strips = (params.out_w + STRIP - 1u) / STRIP;
  let lines = params.columns / params.out_w;
  // Invocations beyond the last strip do its work again: none may leave before the others.
  let item = min(item_index(group, grid, lane), lines * strips - 1u);
  let line = item / strips;
  let image = line / params.out_h;
  let row = line % params.out_h;
  let first = (item % strips) * STRIP;

  let quads_per_tile = (CHANNELS + 3u) / 4u;
  let tiles = (params.quads + quads_per_tile - 1u) / quads_per_tile;
  let conv_group = group.z / tiles;
  let quad = (group.z % tiles) * quads_per_tile;
  // With an odd number of quads the last tile's second half re-reads a valid quad and is never stored.
  let second = select(0u, 1u, quad + 1u < params.quads);

  quad_lane = lane % 4u;
  let all_columns = columns_from(i32(first) - params.pad_w);
  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let plane = params.in_h * params.in_w;
  let base = (image * params.groups + conv_group) * params.channels * plane;
  let quads_per_channel = params.groups * params.quads;
  let quads_per_tap = params.channels * quads_per_channel;

  var s = Sums();
  for (var tap_h = 0u; tap_h < params.kernel_h; tap_h++) {
    let from_h = source(vec4i(i32(row)), i32(tap_h), axis_h).x;
    let columns = columns_where(from_h >= 0, all_columns);
    var at_row = base + u32(max(from_h, 0)) * params.in_w;
    var at = tap_h * KERNEL_W * quads_per_tap + conv_group * params.quads + quad;
    for (var channel = 0u; channel < params.channels; channel += UNROLL) {
      s = with_row(s, run_at(at_row, columns), at, quads_per_tap, second);
      if (UNROLL > 1u) { s = with_row(s, run_at(at_row + plane, columns), at + quads_per_channel, quads_per_tap, second); }
      if (UNROLL > 2u) {
        s = with_row(s, run_at(at_row + 2u * plane, columns), at + 2u * quads_per_channel, quads_per_tap, second);
        s = with_row(s, run_at(at_row + 3u * plane, columns), at + 3u * quads_per_channel, quads_per_tap, second);
      }
      at_row += UNROLL * plane;
      at += UNROLL * quads_per_channel;
    }
  }

  // A loop over what is next to be written, and not a call for each: what is written out is compiled as often, and an array of
  // sums would be read lane by lane.
  for (var part = 0u; part < PARTS; part++) {
    let column = vec4u(first + 4u * part) + vec4u(0, 1, 2, 3);
    let place = place_of(vec4u(image), row * params.out_w + column, column < vec4u(params.out_w));
    for (var m = 0u; m < CHANNELS; m++) {
      let channel = select(quad * 4u + (m & 4u) + channel_of(m & 3u), quad * 4u, CHANNELS == 1u);
      store(conv_group, channel, place, s.a0);
      s = next_channel(s);
    }
    s = next_part(s);
  }
}

/// The sums with the next channel's first four pixels in place of a0.
fn next_channel(s: Sums) -> Sums {
  return Sums(
    s.a1, s.a2, s.a3, s.a4, s.a5, s.a6, s.a7, vec4f(),
    s.b0, s.b1, s.b2, s.b3, s.b4, s.b5, s.b6, s.b7,
    s.c0, s.c1, s.c2, s.c3, s.c4, s.c5, s.c6, s.c7,
  );
}

/// The sums with the next four pixels in place of the first.
fn next_part(s: Sums) -> Sums {
  return Sums(
    s.b0, s.b1, s.b2, s.b3, s.b4, s.b5, s.b6, s.b7,
    s.c0, s.c1, s.c2, s.c3, s.c4, s.c5, s.c6, s.c7,
    vec4f(), vec4f(), vec4f(), vec4f(), vec4f(), vec4f(), vec4f(), vec4f(),
  );
}
