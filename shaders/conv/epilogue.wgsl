// epilogue: how a convolution finishes its sums (lib/epilogue.wgsl) and writes them.
//
// A place is four output pixels. What is found from them alone, divisions among it, is found once for all channels.

/// Elements of the first channel at four pixels, in the output and in the mask's activations; which of the pixels exist.
struct Place { at: vec4u, mask_at: vec4u, plane: u32, live: vec4<bool> }

/// Pixels that are not live may lie beyond the plane; reads go to its first pixel instead.
fn place_of(image: vec4u, pixel: vec4u, live: vec4<bool>) -> Place {
  let plane = params.out_h * params.out_w;
  let image_size = params.groups * params.outputs * plane;
  let inside = select(vec4u(), pixel, live);
  var place = Place(image * image_size + inside, vec4u(), plane, live);
  for (var once = takes(MASKED); once; once = false) {
    let copy = image / params.images_per_copy;
    let forward = vec4u(forward_copy(copy.x), forward_copy(copy.y), forward_copy(copy.z), forward_copy(copy.w));
    place.mask_at = (forward * params.images_per_copy + image % params.images_per_copy) * image_size + inside;
  }
  return place;
}

/// Writes output channel m of a group at the pixels of `place` that are live.
fn store(conv_group: u32, m: u32, place: Place, sums: vec4f) {
  if (m >= params.outputs) { return; }
  let channel = conv_group * params.outputs + m;
  let at = place.at + channel * place.plane;
  var result = sums;
  if (takes(BIASED)) { result += bias[channel]; }
  for (var once = takes(ADDED); once; once = false) {
    result += vec4f(addend[at.x], addend[at.y], addend[at.z], addend[at.w]);
  }
  if (takes(CLAMPED)) { result = clamped_all(result, params.low, params.high); }
  for (var once = takes(MASKED); once; once = false) {
    let y_at = place.mask_at + channel * place.plane;
    let y = vec4f(mask[y_at.x], mask[y_at.y], mask[y_at.z], mask[y_at.w]);
    result = masked_all(result, y, params.low, params.high);
  }
  if (place.live.x) { output[at.x] = result.x; }
  if (place.live.y) { output[at.y] = result.y; }
  if (place.live.z) { output[at.z] = result.z; }
  if (place.live.w) { output[at.w] = result.w; }
}
