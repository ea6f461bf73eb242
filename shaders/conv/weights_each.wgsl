// weights_each: every invocation loads the weights of four output channels for itself.
//
//   layout   weights [tap, channel, groups, quads] vec4
//
// linked into conv_strip.wgsl; weights_shared.wgsl is the other way

@group(0) @binding(1) var<storage, read>       weights: array<Weight4>;

var<private> quad_lane: u32;

fn first_weight(at: u32) -> f32 {
  return f32(weights[at].x);
}

fn four_weights(at: u32) -> vec4f {
  return vec4f(weights[at]);
}

/// Output channel, within four, of the i-th weight.
fn channel_of(i: u32) -> u32 {
  return i;
}
