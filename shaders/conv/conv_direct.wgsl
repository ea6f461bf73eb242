// conv_direct: 2-D convolution or its adjoint as an implicit GEMM held in registers, without barriers.
//
//   out[n, m, p] = epilogue( Σ_tap Σ_c  W[tap, c, m] · in[n, c, source(p, tap)] )
//
// With lib/taps_forward.wgsl this is ONNX Conv; with lib/taps_adjoint.wgsl it is ConvTranspose, which is the gradient of
// Conv with respect to its input. The two differ in nothing but the function `source`.
//
// layout   in [n, groups·channels, in_h, in_w], out [n, groups·outputs, out_h, out_w], NCHW;
//          W [kernel_h·kernel_w, channels, groups, quads] vec4: four output channels side by side, zero-padded
// tile     one invocation: 4 columns × 4·QUADS output channels; a column is one output pixel of one image.
//          Taps are the outer loops, so the address arithmetic is paid once per tap and not once per channel.
// grid     columns / (4·LANES) along the folded line; z = groups · tiles of 4·QUADS output channels
// used by  software adapters, and small problems on GPUs
//
// specialised by   const LANES: u32; const QUADS: u32 (1 or 2);
// linked with      conv/interface, conv/epilogue, lib/epilogue, lib/grid, lib/ieee, lib/slots, one of lib/taps_forward, lib/taps_adjoint,
//                  and one of lib/weights_f32, lib/weights_f16

@group(0) @binding(1) var<storage, read>       weights: array<Weight4>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tiles = (params.quads + QUADS - 1u) / QUADS;
  let conv_group = group.z / tiles;
  let quad = (group.z % tiles) * QUADS;

  // The four columns lie LANES apart, so neighbouring invocations read neighbouring addresses.
  let first = group_index(group, grid) * (4u * LANES) + lane;
  if (first >= params.columns) { return; }
  let columns = min(vec4u(first) + LANES * vec4u(0, 1, 2, 3), vec4u(params.columns - 1u));
  let pixels = params.out_h * params.out_w;
  let image = columns / pixels;
  let pixel = columns % pixels;
  let row = vec4i(pixel / params.out_w);
  let column = vec4i(pixel % params.out_w);

  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let axis_w = Axis(params.stride_w, params.pad_w, params.dilation_w, i32(params.in_w));
  let plane = params.in_h * params.in_w;
  let base = (image * params.groups + conv_group) * params.channels * plane;

  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  var sum4 = vec4f(); var sum5 = vec4f(); var sum6 = vec4f(); var sum7 = vec4f();
  let quads_per_channel = params.groups * params.quads;
  // With an odd number of quads the last tile's second half re-reads a valid quad and is never stored.
  let second = select(0u, 1u, quad + 1u < params.quads);

  for (var tap_h = 0u; tap_h < params.kernel_h; tap_h++) {
    let from_h = source(row, i32(tap_h), axis_h);
    if (all(from_h < vec4i(0))) { continue; }
    for (var tap_w = 0u; tap_w < params.kernel_w; tap_w++) {
      let from_w = source(column, i32(tap_w), axis_w);
      let inside = (from_h >= vec4i(0)) & (from_w >= vec4i(0));
      if (!any(inside)) { continue; }
      var at = base + vec4u(max(from_h, vec4i(0))) * params.in_w + vec4u(max(from_w, vec4i(0)));
      var at_weight = (tap_h * params.kernel_w + tap_w) * params.channels * quads_per_channel
        + conv_group * params.quads + quad;
      for (var c = 0u; c < params.channels; c++) {
        let x = select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), inside);
        let w = vec4f(weights[at_weight]);
        sum0 += w.x * x;
        sum1 += w.y * x;
        sum2 += w.z * x;
        sum3 += w.w * x;
        if (QUADS == 2u) {
          let v = vec4f(weights[at_weight + second]);
          sum4 += v.x * x;
          sum5 += v.y * x;
          sum6 += v.z * x;
          sum7 += v.w * x;
        }
        at += plane;
        at_weight += quads_per_channel;
      }
    }
  }

  let live = vec4u(first) + LANES * vec4u(0, 1, 2, 3) < vec4u(params.columns);
  let place = place_of(image, pixel, live);
  // A loop over what is next to be written: eight calls are compiled eight times, and software adapters read an array of sums
  // lane by lane.
  for (var m = 0u; m < 4u * QUADS; m++) {
    store(conv_group, quad * 4u + m, place, sum0);
    sum0 = sum1; sum1 = sum2; sum2 = sum3; sum3 = sum4; sum4 = sum5; sum5 = sum6; sum6 = sum7;
  }
}
