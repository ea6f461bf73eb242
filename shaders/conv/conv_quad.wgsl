// conv_quad: 2-D convolution or its adjoint as an implicit GEMM whose operands are shared within quads of invocations.
//
//   out[n, m, p] = epilogue( Σ_tap Σ_c  W[tap, c, m] · in[n, c, (p·stride − pad + tap·dilation) / up] ),  where `up` divides
//
// A convolution has up = 1. An adjoint has stride = 1 and the kernel turned round; up is the stride of its convolution. Only
// every up-th tap then meets a pixel of the input, which of them depends on p mod up alone: a workgroup takes output pixels
// of one such phase and walks along its taps without a test.
//
// Loads are what a CPU pays for: a load of one number per invocation costs about ten multiply-adds. So no number is
// loaded twice in a quad. Its invocations hold different output channels of the same pixels; each loads a fourth of the
// pixels and gets the rest from its neighbours by quad swaps, whose order differs from invocation to invocation: a sum
// belongs to pixel (own index XOR swap), which is undone where sums are written.
//
// layout   as conv_direct.wgsl; adjoints always with the kernel turned round along both axes
// tile     one quad: 4·SHARE output channels × 64/SHARE columns; one invocation: 4 channels × 16 columns, as four mat4x4.
//          SHARE = 2 or 1 leaves fewer invocations idle where there are few channels, for more loads.
//          A column is one output pixel of one image, in one phase.
// grid     columns / (16·LANES/SHARE) along the folded line; z = phases · groups · tiles of 4·SHARE channels
// assumes  quads of consecutive invocations (feature `subgroups`, whatever the size of a subgroup)
// used by  software adapters
//
// specialised by   const LANES: u32; const SHARE: u32 (1, 2 or 4);
// linked with      conv/interface, conv/epilogue, conv/phases, lib/epilogue, lib/grid, lib/ieee, lib/slots, and one of lib/weights_f32, lib/weights_f16

enable subgroups;

@group(0) @binding(1) var<storage, read>       weights: array<Weight4>;

/// Columns of one invocation.
const COLUMNS: u32 = 16u;

/// Four columns of this phase: their images, and their coordinates within the phase.
struct Columns { image: vec4u, row: vec4u, column: vec4u }

fn columns_at(index: vec4u, rows: u32, row_length: u32) -> Columns {
  let line = index / row_length;
  return Columns(line / rows, line % rows, index % row_length);
}

struct Pixels { at: vec4u, inside: vec4<bool> }

/// Where the pixels that `columns` see under a tap lie in the first channel's plane.
fn seen(columns: Columns, conv_group: u32, down: i32, across: i32) -> Pixels {
  let row = vec4i(columns.row) * params.stride_h + down;
  let column = vec4i(columns.column) * params.stride_w + across;
  let inside = (row >= vec4i(0)) & (row < vec4i(i32(params.in_h))) & (column >= vec4i(0)) & (column < vec4i(i32(params.in_w)));
  let plane = params.in_h * params.in_w;
  let base = (columns.image * params.groups + conv_group) * params.channels * plane;
  return Pixels(base + select(vec4u(), vec4u(row) * params.in_w + vec4u(column), inside), inside);
}

fn load(pixels: Pixels, plane: u32, exists: bool) -> vec4f {
  let at = pixels.at + plane;
  return select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), pixels.inside & vec4<bool>(exists));
}

/// Sums of sixteen columns, by four: a column of a matrix belongs to an output channel.
struct Tile { s0: mat4x4f, s1: mat4x4f, s2: mat4x4f, s3: mat4x4f }

fn products(x: vec4f, w: vec4f) -> mat4x4f {
  return mat4x4f(w.x * x, w.y * x, w.z * x, w.w * x);
}

/// The sums with one input channel added, which begins `plane` after the first, if it exists.
fn with_channel(tile: Tile, own: array<Pixels, 4>, plane: u32, exists: bool, w: vec4f) -> Tile {
  let x0 = load(own[0], plane, exists);
  var x1: vec4f; var x2: vec4f; var x3: vec4f;
  if (SHARE == 4u) {
    x1 = quadSwapX(x0);
    x2 = quadSwapY(x0);
    x3 = quadSwapDiagonal(x0);
  } else if (SHARE == 2u) {
    x1 = quadSwapX(x0);
    x2 = load(own[2], plane, exists);
    x3 = quadSwapX(x2);
  } else {
    x1 = load(own[1], plane, exists);
    x2 = load(own[2], plane, exists);
    x3 = load(own[3], plane, exists);
  }
  return Tile(tile.s0 + products(x0, w), tile.s1 + products(x1, w), tile.s2 + products(x2, w), tile.s3 + products(x3, w));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let share_lane = lane % SHARE;
  let tiles = (params.quads + SHARE - 1u) / SHARE;
  let quad = (group.z % tiles) * SHARE + share_lane;
  let conv_group = (group.z / tiles) % params.groups;
  let phase = group.z / tiles / params.groups;
  let phase_h = phase / params.up_w;
  let phase_w = phase % params.up_w;
  let rows = (params.out_h + params.up_h - 1u) / params.up_h;
  let row_length = (params.out_w + params.up_w - 1u) / params.up_w;
  let images = params.columns / (params.out_h * params.out_w);
  let count = images * rows * row_length;

  // Own pixel j of run v is column first + v·4·SHARE + j·SHARE + share_lane; a swap by d finds that of lane XOR d.
  let first = (group_index(group, grid) * (LANES / SHARE) + lane / SHARE) * COLUMNS;
  let own = first + SHARE * vec4u(0, 1, 2, 3) + share_lane;
  let last = vec4u(count - 1u);
  let own0 = columns_at(min(own, last), rows, row_length);
  var own1 = own0; var own2 = own0; var own3 = own0;
  if (SHARE < 4u) { own2 = columns_at(min(own + 8u, last), rows, row_length); }
  if (SHARE < 2u) {
    own1 = columns_at(min(own + 4u, last), rows, row_length);
    own3 = columns_at(min(own + 12u, last), rows, row_length);
  }

  let walk_h = walk(phase_h, params.stride_h, params.pad_h, params.dilation_h, i32(params.up_h), params.step_h);
  let walk_w = walk(phase_w, params.stride_w, params.pad_w, params.dilation_w, i32(params.up_w), params.step_w);
  let advance_h = params.dilation_h * i32(params.step_h) / i32(params.up_h);
  let advance_w = params.dilation_w * i32(params.step_w) / i32(params.up_w);
  let plane = params.in_h * params.in_w;
  let quads_per_channel = params.groups * params.quads;

  var tile = Tile();
  var down = walk_h.origin;
  for (var tap_h = walk_h.first; tap_h < params.kernel_h; tap_h += params.step_h) {
    var across = walk_w.origin;
    for (var tap_w = walk_w.first; tap_w < params.kernel_w; tap_w += params.step_w) {
      let p0 = seen(own0, conv_group, down, across);
      var p1 = p0; var p2 = p0; var p3 = p0;
      if (SHARE < 4u) { p2 = seen(own2, conv_group, down, across); }
      if (SHARE < 2u) { p1 = seen(own1, conv_group, down, across); p3 = seen(own3, conv_group, down, across); }
      let pixels = array(p0, p1, p2, p3);
      // A quad of channels that there is not reads the last one's weights and is never stored.
      var at_weight = (tap_h * params.kernel_w + tap_w) * params.channels * quads_per_channel
        + conv_group * params.quads + min(quad, params.quads - 1u);
      var offset = 0u;
      // Two channels a round: software adapters carry every sum of a loop through memory in each of its rounds.
      for (var c = 0u; c < params.channels; c += 2u) {
        let second = c + 1u < params.channels;
        tile = with_channel(tile, pixels, offset, true, vec4f(weights[at_weight]));
        let next = select(0u, 1u, second);
        tile = with_channel(tile, pixels, offset + next * plane, second, vec4f(weights[at_weight + next * quads_per_channel]));
        at_weight += 2u * quads_per_channel;
        offset += 2u * plane;
      }
      across += advance_w;
    }
    down += advance_h;
  }

  // A loop over what is next to be written, as in conv_direct.wgsl.
  for (var i = 0u; i < 4u; i++) {
    let index = first + (i / SHARE) * 4u * SHARE + SHARE * vec4u(0, 1, 2, 3) + (share_lane ^ (i % SHARE));
    let columns = columns_at(min(index, last), rows, row_length);
    let row = columns.row * params.up_h + phase_h;
    let column = columns.column * params.up_w + phase_w;
    let live = (index < vec4u(count)) & (row < vec4u(params.out_h)) & (column < vec4u(params.out_w));
    let place = place_of(columns.image, row * params.out_w + column, live);
    for (var m = 0u; m < 4u; m++) {
      store(conv_group, quad * 4u + m, place, tile.s0[0]);
      tile.s0 = mat4x4f(tile.s0[1], tile.s0[2], tile.s0[3], tile.s0[0]);
    }
    tile = Tile(tile.s1, tile.s2, tile.s3, tile.s0);
  }
}
