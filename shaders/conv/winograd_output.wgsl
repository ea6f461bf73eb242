// winograd_output: convolution by Winograd's F(4×4, 3×3), last of three passes (winograd_input.wgsl): frequencies into pixels.
//
//   out[n, m, t] = epilogue( (Aᵀ M A)[t] ),  M the 36 frequencies of output channel m in tile t
//
// layout   M [n, 36, groups·outputs, tiles], frequencies by rows; out [n, groups·outputs, out_h, out_w], NCHW
// tile     one invocation: the 4 × 4 pixels of one tile in one channel
// grid     images · groups·outputs · tiles along the folded line, LANES to a group
//
// specialised by   const LANES: u32
// linked with      conv/interface, conv/epilogue, lib/epilogue, lib/grid, lib/ieee, lib/slots

const ROOT2: f32 = 1.4142135623730951;
const ROOT_HALF: f32 = 0.7071067811865476;

/// Four rows of six numbers, three to a column of a matrix.
struct Half { r0: mat2x3f, r1: mat2x3f, r2: mat2x3f, r3: mat2x3f }

/// One row of Aᵀ M, times A.
fn pixels(row: mat2x3f) -> vec4f {
  let m = vec4f(row[0].y, row[0].z, row[1].x, row[1].y);
  let even = m.x + m.y;
  let odd = m.x - m.y;
  let even_wide = m.z + m.w;
  let odd_wide = m.z - m.w;
  return vec4f(
    row[0].x + even + even_wide,
    ROOT_HALF * odd + ROOT2 * odd_wide,
    0.5 * even + 2.0 * even_wide,
    0.5 * ROOT_HALF * odd + 2.0 * ROOT2 * odd_wide + row[1].z,
  );
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  let tiles_w = (params.out_w + 3u) / 4u;
  let tiles = (params.out_h + 3u) / 4u * tiles_w;
  let channels = params.groups * params.outputs;
  let images = params.columns / (params.out_h * params.out_w);
  if (item >= images * channels * tiles) { return; }
  let tile = item % tiles;
  let channel = item / tiles % channels;
  let image = item / tiles / channels;

  // Loops, as in winograd_input.wgsl: rows of frequencies come in one after another.
  let stride = channels * tiles;
  var at = (image * 36u * channels + channel) * tiles + tile;
  var m0 = mat2x3f(); var m1 = mat2x3f(); var m2 = mat2x3f(); var m3 = mat2x3f(); var m4 = mat2x3f(); var m5 = mat2x3f();
  for (var i = 0u; i < 6u; i++) {
    m0 = m1; m1 = m2; m2 = m3; m3 = m4; m4 = m5;
    m5 = mat2x3f(
      vec3f(input[at], input[at + stride], input[at + 2u * stride]),
      vec3f(input[at + 3u * stride], input[at + 4u * stride], input[at + 5u * stride]),
    );
    at += 6u * stride;
  }
  let even = m1 + m2;
  let odd = m1 - m2;
  let even_wide = m3 + m4;
  let odd_wide = m3 - m4;
  var y = Half(
    m0 + even + even_wide,
    ROOT_HALF * odd + ROOT2 * odd_wide,
    0.5 * even + 2.0 * even_wide,
    0.5 * ROOT_HALF * odd + 2.0 * ROOT2 * odd_wide + m5,
  );

  let row = 4u * (tile / tiles_w);
  let column = 4u * (tile % tiles_w) + vec4u(0, 1, 2, 3);
  for (var i = 0u; i < 4u; i++) {
    let live = (column < vec4u(params.out_w)) & vec4<bool>(row + i < params.out_h);
    let place = place_of(vec4u(image), (row + i) * params.out_w + column, live);
    store(channel / params.outputs, channel % params.outputs, place, pixels(y.r0));
    y = Half(y.r1, y.r2, y.r3, y.r0);
  }
}
