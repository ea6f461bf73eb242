// standardise_jacobian: a direction d times the Jacobian of standardise.wgsl. It is symmetric, so one kernel serves cotangents
// and tangents.
//
//   out = scale · (d − mean(d) − y · mean(d ⊙ y))        the means being over the line of `extent` elements
//
// since ∂y_i/∂x_j = scale · (δ_ij − 1/extent − y_i y_j / extent).
//
// layout   d and out [lines, extent], one copy per row; y [lines, extent] and scale [lines], one copy per sample, or as many
//          as d
// grid     lines of d along the folded line; each is walked twice
//
// specialised by   const LANES: u32; const Y_LEAD: u32 (lib/slots);
// linked with      lib/grid, lib/slots, and one of lib/lines_direct, lib/lines_tiled

struct Params { lines: u32, lines_per_copy: u32, extent: u32, rows: u32 }

@group(0) @binding(0) var<storage, read>       direction: array<f32>;
@group(0) @binding(1) var<storage, read>       y: array<f32>;
@group(0) @binding(2) var<storage, read>       scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let line = line_index(group, grid, lane);
  if (line >= params.lines) { return; }
  let y_line = operand_copy(Y_LEAD, line / params.lines_per_copy) * params.lines_per_copy + line % params.lines_per_copy;

  let base = line * params.extent;
  let y_base = y_line * params.extent;
  var sum = 0.0;
  var projection = 0.0;
  for (var i = first_element(lane); i < params.extent; i += STEP) {
    sum += direction[base + i];
    projection += direction[base + i] * y[y_base + i];
  }
  let mean = total(sum, lane) / f32(params.extent);
  let along = total(projection, lane) / f32(params.extent);
  let factor = scale[y_line];
  for (var i = first_element(lane); i < params.extent; i += STEP) {
    output[base + i] = factor * (direction[base + i] - mean - y[y_base + i] * along);
  }
}
