// conv_depthwise: convolution (or its adjoint) where every group has one input channel, as in MobileNet's 3×3 layers.
//
//   out[n, m, p] = epilogue( Σ_tap  W[tap, m] · in[n, m / outputs, source(p, tap)] )
//
// There is nothing to share between channels, so a register tile over channels would be idle work: each invocation makes
// four neighbouring pixels of one channel of one image, and the taps are the only loop.
//
// layout   NCHW as conv_direct.wgsl; W as there, read one component at a time
// grid     images · channels · ⌈pixels/4⌉ items along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      conv/interface, conv/epilogue, lib/epilogue, lib/grid, lib/slots, one of lib/taps_forward, lib/taps_adjoint,
//                  and one of lib/weights_f32, lib/weights_f16

@group(0) @binding(1) var<storage, read>       weights: array<Weight>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixels = params.out_h * params.out_w;
  let strips = (pixels + 3u) / 4u;
  let out_channels = params.groups * params.outputs;
  let item = item_index(group, grid, lane);
  let plane_index = item / strips;
  let image = plane_index / out_channels;
  if (image >= params.columns / pixels) { return; }
  let channel = plane_index % out_channels;
  let conv_group = channel / params.outputs;
  let m = channel % params.outputs;

  let wanted = vec4u((item % strips) * 4u) + vec4u(0, 1, 2, 3);
  let pixel = min(wanted, vec4u(pixels - 1u));
  let row = vec4i(pixel / params.out_w);
  let column = vec4i(pixel % params.out_w);
  let axis_h = Axis(params.stride_h, params.pad_h, params.dilation_h, i32(params.in_h));
  let axis_w = Axis(params.stride_w, params.pad_w, params.dilation_w, i32(params.in_w));
  let base = (image * params.groups + conv_group) * params.in_h * params.in_w;
  let weights_per_tap = params.groups * params.quads * 4u;
  let weight_base = conv_group * params.quads * 4u + m;

  var sum = vec4f();
  for (var tap_h = 0u; tap_h < params.kernel_h; tap_h++) {
    let from_h = source(row, i32(tap_h), axis_h);
    for (var tap_w = 0u; tap_w < params.kernel_w; tap_w++) {
      let from_w = source(column, i32(tap_w), axis_w);
      let inside = (from_h >= vec4i(0)) & (from_w >= vec4i(0));
      let at = base + vec4u(max(from_h, vec4i(0))) * params.in_w + vec4u(max(from_w, vec4i(0)));
      let x = select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), inside);
      let w = f32(weights[(tap_h * params.kernel_w + tap_w) * weights_per_tap + weight_base]);
      sum += w * x;
    }
  }
  store(conv_group, m, place_of(vec4u(image), pixel, wanted < vec4u(pixels)), sum);
}
