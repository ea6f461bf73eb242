// conv_depthwise: convolution (or its adjoint) where every group has one input channel, as in MobileNet's 3×3 layers.
//
//   out[n, m, p] = epilogue( Σ_tap  W[tap, m] · in[n, m / outputs, (p·stride − pad + tap·dilation) / up] ),  where `up` divides
//
// There is nothing to share between channels, so a register tile over channels would be idle work. Few products are made for
// a number written, so what counts is all that is not one: an invocation makes several rows of four pixels, which share its
// place in the work and in the output, and lie in one phase of an adjoint (conv/phases.wgsl), which spares a test per tap.
//
// layout   NCHW as conv_direct.wgsl; W as there, read one component at a time; adjoints with the kernel turned round
// tile     one invocation: 4 columns × a band of rows of one phase of one channel of one image
// grid     images · channels · bands · ⌈columns/4⌉ items along the folded line, LANES to a group; z = phases
//
// specialised by   const LANES: u32;
// linked with      conv/interface, conv/epilogue, conv/phases, lib/epilogue, lib/grid, lib/ieee, lib/slots,
//                  and one of lib/weights_f32, lib/weights_f16

@group(0) @binding(1) var<storage, read>       weights: array<Weight>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let phase_h = group.z / params.up_w;
  let phase_w = group.z % params.up_w;
  let rows = (params.out_h - phase_h + params.up_h - 1u) / params.up_h;
  let rows_per_band = (rows + params.bands - 1u) / params.bands;
  let strips = (params.out_w + 4u * params.up_w - 1u) / (4u * params.up_w);

  let item = item_index(group, grid, lane);
  let band = item / strips;
  let plane = band / params.bands;
  let out_channels = params.groups * params.outputs;
  let image = plane / out_channels;
  if (image >= params.columns / (params.out_h * params.out_w)) { return; }
  let channel = plane % out_channels;
  let conv_group = channel / params.outputs;
  let m = channel % params.outputs;
  let first = (band % params.bands) * rows_per_band;
  let column = vec4u((item % strips) * 4u) + vec4u(0, 1, 2, 3);

  let walk_h = walk(phase_h, params.stride_h, params.pad_h, params.dilation_h, i32(params.up_h), params.step_h);
  let walk_w = walk(phase_w, params.stride_w, params.pad_w, params.dilation_w, i32(params.up_w), params.step_w);
  let advance_h = params.dilation_h * i32(params.step_h) / i32(params.up_h);
  let advance_w = params.dilation_w * i32(params.step_w) / i32(params.up_w);
  let base = (image * params.groups + conv_group) * params.in_h * params.in_w;
  let weights_per_tap = params.groups * params.quads * 4u;
  let weight_base = conv_group * params.quads * 4u + m;

  let out_column = column * params.up_w + phase_w;
  var place = place_of(vec4u(image), (first * params.up_h + phase_h) * params.out_w + out_column, out_column < vec4u(params.out_w));
  let next_row = select(vec4u(), vec4u(params.up_h * params.out_w), place.live);
  for (var row = first; row < min(first + rows_per_band, rows); row++) {
    var sum = vec4f();
    var down = i32(row) * params.stride_h + walk_h.origin;
    for (var tap_h = walk_h.first; tap_h < params.kernel_h; tap_h += params.step_h) {
      let there = down >= 0 && down < i32(params.in_h);
      var across = vec4i(column) * params.stride_w + walk_w.origin;
      // One tap a round: a round carries no more than a sum of four pixels, and what is written out is compiled as often.
      for (var tap_w = walk_w.first; tap_w < params.kernel_w; tap_w += params.step_w) {
        let inside = (across >= vec4i(0)) & (across < vec4i(i32(params.in_w))) & vec4<bool>(there);
        let at = select(vec4u(), base + u32(down) * params.in_w + vec4u(across), inside);
        let w = f32(weights[(tap_h * params.kernel_w + tap_w) * weights_per_tap + weight_base]);
        sum += w * select(vec4f(), vec4f(input[at.x], input[at.y], input[at.z], input[at.w]), inside);
        across += advance_w;
      }
      down += advance_h;
    }
    store(conv_group, m, place, sum);
    place.at += next_row;
    place.mask_at += next_row;
  }
}
