// average_pool: the mean under each window; with taps_adjoint, its adjoint, which hands each window's cotangent back in
// equal parts.
//
//   forward   out[p] = Σ_tap in[source(p, tap)] / size(p)
//   adjoint   dx[p]  = Σ_tap dy[s] / size(s),   s = source(p, tap)
//
//   size(p) is the number of taps inside the input, or, with COUNT_PADDING, inside the padded input: taps past the
//   padding, which ceil_mode can make, never count.
//
// layout   NCHW
// grid     planes · pixels written, along the folded line, LANES to a group
//
// specialised by   const LANES: u32; const ADJOINT, COUNT_PADDING: bool;
// linked with      pool/params, lib/grid, lib/ieee, and one of lib/taps_forward, lib/taps_adjoint

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

/// Taps of the window at position p of one axis that count.
fn taps_inside(p: i32, stride: i32, pad: i32, pad_end: i32, dilation: i32, window: u32, extent: i32) -> i32 {
  let start = p * stride - pad;
  var low = 0;
  var high = extent;
  if (COUNT_PADDING) {
    low = -pad;
    high = extent + pad_end;
  }
  var count = 0;
  for (var k = 0; k < i32(window); k++) {
    let at = start + k * dilation;
    count += select(0, 1, at >= low && at < high);
  }
  return count;
}

fn window_size(row: i32, column: i32) -> f32 {
  let h = taps_inside(row, params.stride_h, params.pad_h, params.pad_bottom, params.dilation_h, params.window_h, params.unpadded_h);
  let w = taps_inside(column, params.stride_w, params.pad_w, params.pad_right, params.dilation_w, params.window_w, params.unpadded_w);
  return f32(h * w);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  let pixels = params.out_h * params.out_w;
  let plane = item / pixels;
  if (plane >= params.planes) { return; }
  let row = i32(item % pixels / params.out_w);
  let column = i32(item % pixels % params.out_w);
  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let axis_w = Axis(params.stride_w, params.pad_w, params.dilation_w, i32(params.in_w));
  let base = plane * params.in_h * params.in_w;

  var size = 1.0;
  if (!ADJOINT) { size = window_size(row, column); }
  // A second round, of smaller terms, where the sum overflowed though the mean need not.
  var scale = 1.0;
  for (var round = 0u; round < 2u; round++) {
    var sum = 0.0;
    for (var tap_h = 0u; tap_h < params.window_h; tap_h++) {
      let from_h = source(vec4i(row), i32(tap_h), axis_h).x;
      if (from_h < 0) { continue; }
      for (var tap_w = 0u; tap_w < params.window_w; tap_w++) {
        let from_w = source(vec4i(column), i32(tap_w), axis_w).x;
        if (from_w < 0) { continue; }
        let x = input[base + u32(from_h) * params.in_w + u32(from_w)] * scale;
        if (ADJOINT) { sum += x / window_size(from_h, from_w); } else { sum += x; }
      }
    }
    output[item] = sum / size / scale;
    if (is_finite(sum)) { break; }
    scale = 0x1p-64f;
  }
}
