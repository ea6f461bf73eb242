// epilogue: what a convolution does with its sums before they are written.
//
//   HAS_BIAS   add bias[m]
//   CLAMPED    min(max(·, low), high): ReLU is [0, ∞), ReLU6 is [0, 6]
//   MASKED     multiply by 1[low < y < high], y being the clamped activation this gradient flows back through

struct Place { image: vec4u, pixel: vec4u, pixels: u32, live: vec4<bool> }

fn finish(value: f32, channel: u32, image: u32, pixel: u32, pixels: u32) {
  let channels = params.groups * params.outputs;
  var result = value;
  if (HAS_BIAS) { result += bias[channel]; }
  if (CLAMPED) { result = min(max(result, params.low), params.high); }
  if (MASKED) {
    let copy = image / params.images_per_copy;
    let forward_image = forward_copy(copy) * params.images_per_copy + image % params.images_per_copy;
    let y = mask[(forward_image * channels + channel) * pixels + pixel];
    result = select(0.0, result, y > params.low && y < params.high);
  }
  output[(image * channels + channel) * pixels + pixel] = result;
}

/// Writes output channel m of a group at the four pixels of `place` that are live.
fn store(conv_group: u32, m: u32, place: Place, sums: vec4f) {
  if (m >= params.outputs) { return; }
  let channel = conv_group * params.outputs + m;
  if (place.live.x) { finish(sums.x, channel, place.image.x, place.pixel.x, place.pixels); }
  if (place.live.y) { finish(sums.y, channel, place.image.y, place.pixel.y, place.pixels); }
  if (place.live.z) { finish(sums.z, channel, place.image.z, place.pixel.z, place.pixels); }
  if (place.live.w) { finish(sums.w, channel, place.image.w, place.pixel.w, place.pixels); }
}
