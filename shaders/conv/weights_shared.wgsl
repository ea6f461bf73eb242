// weights_shared: a quad of invocations loads the weights of four output channels together, one each.
//
// The other three come from the neighbours by quad swaps, whose order differs from invocation to invocation: the i-th weight
// of invocation q belongs to channel q XOR i, and so do the sums it makes. Swaps cost next to nothing, while on a software
// adapter a load costs what ten multiply-adds do.
//
//   layout   as weights_each.wgsl, read by numbers
//   assumes  all invocations of a workgroup in step (no branch between them), quads of consecutive invocations
//
// linked into conv_strip.wgsl where the adapter has subgroups

enable subgroups;

@group(0) @binding(1) var<storage, read>       weights: array<Weight>;

var<private> quad_lane: u32;

fn first_weight(at: u32) -> f32 {
  return f32(weights[4u * at]);
}

fn four_weights(at: u32) -> vec4f {
  let own = f32(weights[4u * at + quad_lane]);
  return vec4f(own, quadSwapX(own), quadSwapY(own), quadSwapDiagonal(own));
}

fn channel_of(i: u32) -> u32 {
  return i ^ quad_lane;
}
