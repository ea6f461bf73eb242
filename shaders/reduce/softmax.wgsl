// softmax: y = exp(x − max x) / Σ exp(x − max x) along one axis. Subtracting the maximum keeps every exponent ≤ 0.
//
// layout   any tensor seen as [outer, extent, inner]; a line is one run along the axis
// grid     lines along the folded line; each is walked three times
//
// specialised by   const LANES: u32;
// linked with      lib/grid, lib/ieee, lib/exponential, and one of lib/lines_direct, lib/lines_tiled

struct Params { lines: u32, extent: u32, inner: u32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let line = line_index(group, grid, lane);
  if (line >= params.lines) { return; }
  let base = (line / params.inner) * params.extent * params.inner + line % params.inner;
  let first = base + first_element(lane) * params.inner;
  let end = base + params.extent * params.inner;
  let step = STEP * params.inner;

  var most = input[base];
  for (var at = first; at < end; at += step) { most = max(most, input[at]); }
  most = largest(most, lane);
  var sum = 0.0;
  for (var at = first; at < end; at += step) {
    let e = exp_accurate(vec4f(input[at] - most)).x;
    output[at] = e;
    sum += e;
  }
  sum = total(sum, lane);
  for (var at = first; at < end; at += step) { output[at] /= sum; }
}
