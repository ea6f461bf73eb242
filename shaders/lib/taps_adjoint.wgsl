// taps_adjoint: the transpose of taps_forward. Which output position of the convolution read input position p through
// tap k? Here `extent` is that of the convolution's OUTPUT, where the cotangent lives.
//
//   p = s · stride − pad + k · dilation   ⇔   s = (p + pad − k · dilation) / stride, when that divides; else −1

struct Axis { stride: i32, pad: i32, dilation: i32, extent: i32 }

fn source(position: vec4i, tap: i32, axis: Axis) -> vec4i {
  let scaled = position + axis.pad - tap * axis.dilation;
  let at = scaled / axis.stride;
  let divides = at * axis.stride == scaled;
  return select(vec4i(-1), at, divides & (scaled >= vec4i(0)) & (at < vec4i(axis.extent)));
}
