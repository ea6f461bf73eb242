// phases: how an adjoint is walked through without a test at every tap.
//
// The adjoint of a convolution that moves by `up` pixels is a convolution, by one pixel, of its cotangent pulled apart: there
// are `up` − 1 zeros between two of its numbers. Which taps of an output pixel p meet a number depends on p mod up alone, its
// phase, and they are `step` taps apart. Pixels of a phase are counted from 0; the next one's taps meet the next number.
//
// A convolution itself has up = 1, and one phase.

/// Taps of one phase along one axis, and the input position of phase-pixel 0 under the first of them.
struct Walk { first: u32, origin: i32 }

fn walk(phase: u32, stride: i32, pad: i32, dilation: i32, up: i32, step: u32) -> Walk {
  var scaled = i32(phase) * stride - pad;
  var first = 0u;
  while (first < step && scaled % up != 0) {
    scaled += dilation;
    first++;
  }
  return Walk(select(first, 0xffffu, scaled % up != 0), scaled / up);
}
