// winograd_input: convolution by Winograd's F(4×4, 3×3), first of three passes: tiles of the input into 36 frequencies.
//
//   V[n, f, c, t] = (Bᵀ d B)[f],  d the 6 × 6 pixels of channel c that the 4 × 4 outputs of tile t see
//   M[n, f, m, t] = Σ_c  U[f, c, m] · V[n, f, c, t],  U = G w Gᵀ            second pass: a 1×1 convolution in 36 groups
//   out[n, m, t]  = epilogue( (Aᵀ M A)[t] )                                 third pass: winograd_output.wgsl
//
// 36 multiplications for 16 outputs where the sums take 144 (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural
// Networks", §4). The points of interpolation are 0, ±√½, ±√2 and ∞: with the usual ±1 and ±2 rounding errors are three
// times as large. src/kernels/winograd.ts has G and derives what is written out here.
//
// layout   input [n, channels, in_h, in_w], NCHW; V [n, 36, channels, tiles], frequencies by rows. Channels of all groups.
// tile     one invocation: one tile of one channel
// grid     images · channels · tiles along the folded line, LANES to a group
//
// specialised by   const LANES: u32
// linked with      lib/grid

struct Params { items: u32, channels: u32, in_h: u32, in_w: u32, tiles_h: u32, tiles_w: u32, pad_h: i32, pad_w: i32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

const ROOT2: f32 = 1.4142135623730951;
const ROOT_HALF: f32 = 0.7071067811865476;

/// Six rows of six numbers, three to a column of a matrix.
struct Patch { r0: mat2x3f, r1: mat2x3f, r2: mat2x3f, r3: mat2x3f, r4: mat2x3f, r5: mat2x3f }

/// Bᵀ times a patch.
fn frequencies(d: Patch) -> Patch {
  let even = d.r4 - 2.0 * d.r2;
  let odd = ROOT_HALF * d.r3 - ROOT2 * d.r1;
  let even_wide = d.r4 - 0.5 * d.r2;
  let odd_wide = ROOT2 * d.r3 - ROOT_HALF * d.r1;
  return Patch(
    d.r0 - 2.5 * d.r2 + d.r4, even + odd, even - odd, even_wide + odd_wide, even_wide - odd_wide, d.r1 - 2.5 * d.r3 + d.r5,
  );
}

fn transposed(d: Patch) -> Patch {
  let left = transpose(mat3x3f(d.r0[0], d.r1[0], d.r2[0]));
  let lower_left = transpose(mat3x3f(d.r3[0], d.r4[0], d.r5[0]));
  let right = transpose(mat3x3f(d.r0[1], d.r1[1], d.r2[1]));
  let lower_right = transpose(mat3x3f(d.r3[1], d.r4[1], d.r5[1]));
  return Patch(
    mat2x3f(left[0], lower_left[0]), mat2x3f(left[1], lower_left[1]), mat2x3f(left[2], lower_left[2]),
    mat2x3f(right[0], lower_right[0]), mat2x3f(right[1], lower_right[1]), mat2x3f(right[2], lower_right[2]),
  );
}

fn load(at: vec3u, inside: vec3<bool>) -> vec3f {
  return select(vec3f(), vec3f(input[at.x], input[at.y], input[at.z]), inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.items) { return; }
  let tiles = params.tiles_h * params.tiles_w;
  let plane = item / tiles;
  let tile = item % tiles;
  let top = 4 * i32(tile / params.tiles_w) - params.pad_h;
  let left = vec3i(4 * i32(tile % params.tiles_w) - params.pad_w) + vec3i(0, 1, 2);
  let width = vec3i(i32(params.in_w));
  let near = (left >= vec3i(0)) & (left < width);
  let far = (left + 3 >= vec3i(0)) & (left + 3 < width);
  let base = plane * params.in_h * params.in_w;

  // Loops of six rounds, for loads and for stores: software adapters take long to compile what is written out.
  var d = Patch();
  for (var i = 0; i < 6; i++) {
    let row = top + i;
    let clamped = clamp(row, 0, i32(params.in_h) - 1);
    let there = vec3<bool>(row == clamped);
    let at = base + u32(clamped) * params.in_w;
    let next = mat2x3f(
      load(at + vec3u(select(vec3i(), left, near)), near & there),
      load(at + vec3u(select(vec3i(), left + 3, far)), far & there),
    );
    d = Patch(d.r1, d.r2, d.r3, d.r4, d.r5, next);
  }

  // Rows of v are columns of frequencies, until they are written.
  var v = frequencies(transposed(frequencies(d)));
  let stride = params.channels * tiles;
  var to = (plane / params.channels * 36u * params.channels + plane % params.channels) * tiles + tile;
  for (var i = 0u; i < 6u; i++) {
    let low = v.r0[0];
    let high = v.r0[1];
    output[to] = low.x;
    output[to + 6u * stride] = low.y;
    output[to + 12u * stride] = low.z;
    output[to + 18u * stride] = high.x;
    output[to + 24u * stride] = high.y;
    output[to + 30u * stride] = high.z;
    to += stride;
    v = Patch(v.r1, v.r2, v.r3, v.r4, v.r5, Patch().r0);
  }
}
