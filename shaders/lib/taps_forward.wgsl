// taps_forward: which input position a convolution (or a pool) reads for output position p and kernel tap k, on one axis.
//
//   source(p, k) = p · stride − pad + k · dilation,   −1 when that lies outside the input
//
// Linking this file makes a kernel the convolution; linking taps_adjoint.wgsl instead makes the same kernel its adjoint.

struct Axis { stride: i32, pad: i32, dilation: i32, extent: i32 }

fn source(position: vec4i, tap: i32, axis: Axis) -> vec4i {
  let at = position * axis.stride - axis.pad + tap * axis.dilation;
  return select(vec4i(-1), at, (at >= vec4i(0)) & (at < vec4i(axis.extent)));
}
