// softmax_jacobian: a direction d times the Jacobian of softmax along one axis. It is symmetric, so one kernel serves
// cotangents and tangents.
//
//   y = softmax(x)      ∂y_i/∂x_j = y_i (δ_ij − y_j)      out = y ⊙ (d − Σ d ⊙ y)
//
// layout   any tensor seen as [outer, extent, inner]; a line is one run along the axis. d and out have one copy per row,
//          y one per sample, or as many as d
// grid     lines of d along the folded line; each is walked twice
//
// specialised by   const LANES: u32; const Y_LEAD: u32 (lib/slots);
// linked with      lib/grid, lib/slots, and one of lib/lines_direct, lib/lines_tiled

struct Params { lines: u32, lines_per_copy: u32, extent: u32, inner: u32, rows: u32 }

@group(0) @binding(0) var<storage, read>       direction: array<f32>;
@group(0) @binding(1) var<storage, read>       y: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let line = line_index(group, grid, lane);
  if (line >= params.lines) { return; }
  let y_line = operand_copy(Y_LEAD, line / params.lines_per_copy) * params.lines_per_copy + line % params.lines_per_copy;

  let base = (line / params.inner) * params.extent * params.inner + line % params.inner;
  let y_base = (y_line / params.inner) * params.extent * params.inner + y_line % params.inner;
  var sum = 0.0;
  for (var i = first_element(lane); i < params.extent; i += STEP) {
    sum += direction[base + i * params.inner] * y[y_base + i * params.inner];
  }
  sum = total(sum, lane);
  for (var i = first_element(lane); i < params.extent; i += STEP) {
    let at = base + i * params.inner;
    output[at] = y[y_base + i * params.inner] * (direction[at] - sum);
  }
}
