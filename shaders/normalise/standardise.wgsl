// standardise: the heart of layer, instance and group normalisation: each line less its mean, over its deviation.
//
//   y = (x − mean) · scale,   scale = 1 / √(variance + epsilon),   the variance being the mean of (x − mean)²
//
// The mean's own rounding error, which counts where the mean is much larger than the deviation, is the mean of what is left: it
// is found beside the variance and taken off both. Where a sum overflows, a second round takes the line in smaller units.
//
// layout   x and y [lines, extent], contiguous; scale [lines], kept for the derivative
// grid     lines along the folded line; each is walked three times a round
//
// specialised by   const LANES: u32; const WITH_SCALE: bool: somebody reads scale;
// linked with      lib/grid, lib/ieee, and one of lib/lines_direct, lib/lines_tiled

struct Params { lines: u32, extent: u32, epsilon: f32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

/// Of a line in these units no square overflows.
const SMALL_UNIT: f32 = 0x1p-80f;
/// Keeps a line of equal elements from being divided by 0.
const LEAST: f32 = 0x1p-126f;

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

  let count = f32(params.extent);
  var unit = 1.0;
  for (var round = 0u; round < 2u; round++) {
    var sum = 0.0;
    for (var at = first; at < end; at += STEP) { sum += input[at] * unit; }
    let mean = total(sum, lane) / count;
    var rest = 0.0;
    var squares = 0.0;
    for (var at = first; at < end; at += STEP) {
      let centred = input[at] * unit - mean;
      rest += centred;
      squares += centred * centred;
    }
    let error = total(rest, lane) / count;
    let variance = total(squares, lane) / count - error * error;
    let factor = 1.0 / sqrt(variance + max(params.epsilon * unit * unit, LEAST));
    for (var at = first; at < end; at += STEP) { output[at] = ((input[at] * unit - mean) - error) * factor; }
    if (WITH_SCALE && first_element(lane) == 0u) { scale[line] = factor * unit; }
    if (is_finite(variance)) { break; }
    unit = SMALL_UNIT;
  }
}
