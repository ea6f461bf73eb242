// epilogue: how a convolution finishes its sums (lib/epilogue.wgsl) and writes them.

struct Place { image: vec4u, pixel: vec4u, pixels: u32, live: vec4<bool> }

/// The mask's activations at four places of an output channel, read through slots.
fn activations(channel: u32, channels: u32, place: Place) -> vec4f {
  let copy = place.image / params.images_per_copy;
  let forward = vec4u(forward_copy(copy.x), forward_copy(copy.y), forward_copy(copy.z), forward_copy(copy.w));
  let image = forward * params.images_per_copy + place.image % params.images_per_copy;
  // Places that are not live may lie beyond the plane; they read its first pixel instead.
  let at = (image * channels + channel) * place.pixels + select(vec4u(), place.pixel, place.live);
  return vec4f(mask[at.x], mask[at.y], mask[at.z], mask[at.w]);
}

/// Writes output channel m of a group at the four pixels of `place` that are live.
fn store(conv_group: u32, m: u32, place: Place, sums: vec4f) {
  if (m >= params.outputs) { return; }
  let channel = conv_group * params.outputs + m;
  let channels = params.groups * params.outputs;
  let at = (place.image * channels + channel) * place.pixels + place.pixel;
  var result = sums;
  if (takes(BIASED)) { result += bias[channel]; }
  for (var once = takes(ADDED); once; once = false) {
    let there = select(vec4u(), at, place.live);
    result += vec4f(addend[there.x], addend[there.y], addend[there.z], addend[there.w]);
  }
  if (takes(CLAMPED)) { result = min(max(result, vec4f(params.low)), vec4f(params.high)); }
  for (var once = takes(MASKED); once; once = false) {
    let y = activations(channel, channels, place);
    result = select(vec4f(), result, (y > vec4f(params.low)) & (y < vec4f(params.high)));
  }
  if (place.live.x) { output[at.x] = result.x; }
  if (place.live.y) { output[at.y] = result.y; }
  if (place.live.z) { output[at.z] = result.z; }
  if (place.live.w) { output[at.w] = result.w; }
}
