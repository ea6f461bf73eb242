// indexing: strided addresses for tensors of up to eight axes.
//
// An address is Σ coordinate_d · stride_d, coordinates being read off a flat index from the last axis to the first.
// Shapes and strides come as two vec4: axes 0–3 and 4–7; unused leading axes have extent 1 and stride 0.
//
// A coordinate costs a division, so the host merges axes where it can, and says how many are left. That is a constant and
// not a uniform, because software adapters run both sides of a branch.
//
// specialised by   const AXES: u32;   the axes in use, the last ones: 1, 2, 4 or 8

struct Axes { front: vec4i, back: vec4i }

fn digit(rest: ptr<function, i32>, extent: i32) -> i32 {
  let quotient = *rest / extent;
  let coordinate = *rest - quotient * extent;
  *rest = quotient;
  return coordinate;
}

/// The coordinates of flat index `index` in a tensor of the given extents.
fn coordinates(index: u32, extents: Axes) -> Axes {
  var rest = i32(index);
  var at: Axes;
  if (AXES == 1u) {
    at.back.w = rest;
  } else if (AXES == 2u) {
    at.back.w = digit(&rest, extents.back.w);
    at.back.z = rest;
  } else {
    at.back.w = digit(&rest, extents.back.w);
    at.back.z = digit(&rest, extents.back.z);
    at.back.y = digit(&rest, extents.back.y);
    if (AXES == 4u) {
      at.back.x = rest;
    } else {
      at.back.x = digit(&rest, extents.back.x);
      at.front.w = digit(&rest, extents.front.w);
      at.front.z = digit(&rest, extents.front.z);
      at.front.y = digit(&rest, extents.front.y);
      at.front.x = rest;
    }
  }
  return at;
}

fn address(at: Axes, strides: Axes) -> i32 {
  if (AXES == 1u) { return at.back.w * strides.back.w; }
  if (AXES == 2u) { return at.back.z * strides.back.z + at.back.w * strides.back.w; }
  let back = at.back * strides.back;
  if (AXES == 4u) { return back.x + back.y + back.z + back.w; }
  let front = at.front * strides.front;
  return front.x + front.y + front.z + front.w + back.x + back.y + back.z + back.w;
}
