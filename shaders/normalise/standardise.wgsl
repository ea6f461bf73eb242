// standardise: the heart of layer, instance and group normalisation: each line less its mean, over its deviation.
//
//   y = (x − mean) · scale,   scale = 1 / √(variance + epsilon),   the variance being the mean of (x − mean)²
//
// layout   x and y [lines, extent], contiguous; scale [lines], kept for the derivative
// grid     lines along the folded line; each is walked three times
//
// specialised by   const LANES: u32; const WITH_SCALE: bool: somebody reads scale;
// linked with      lib/grid, and one of lib/lines_direct, lib/lines_tiled

struct Params { lines: u32, extent: u32, epsilon: f32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let line = line_index(group, grid, lane);
  if (line >= params.lines) { return; }
  let first = line * params.extent + first_element(lane);
  let end = (line + 1u) * params.extent;

  var sum = 0.0;
  for (var at = first; at < end; at += STEP) { sum += input[at]; }
  let mean = total(sum, lane) / f32(params.extent);
  var squares = 0.0;
  for (var at = first; at < end; at += STEP) {
    let centred = input[at] - mean;
    squares += centred * centred;
  }
  let factor = 1.0 / sqrt(total(squares, lane) / f32(params.extent) + params.epsilon);
  for (var at = first; at < end; at += STEP) { output[at] = (input[at] - mean) * factor; }
  if (WITH_SCALE && first_element(lane) == 0u) { scale[line] = factor; }
}
