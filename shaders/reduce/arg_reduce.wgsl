// arg_reduce: where along an axis the largest (or the smallest) element lies.
//
//   out[o, n] = the first t, or with LAST the last, at which in[o, t, n] is extreme; NaN is more extreme than any number
//
// layout   in seen as [outer, extent, inner]; out holds the indices as f32, exact up to 2²⁴
// grid     lines along the folded line; one invocation walks one line
//
// specialised by   const LANES: u32; const SMALLEST, LAST: bool;
// linked with      lib/grid, lib/ieee

struct Params { lines: u32, extent: u32, inner: u32 }

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;

/// The order of x; that of −x where the smallest is sought, which leaves NaN the largest.
fn rank_of(x: f32) -> u32 { return order_of(select(x, -x, SMALLEST)); }

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let line = item_index(group, grid, lane);
  if (line >= params.lines) { return; }
  let first = (line / params.inner) * params.extent * params.inner + line % params.inner;
  var best = rank_of(input[first]);
  var best_at = 0u;
  for (var t = 1u; t < params.extent; t++) {
    let rank = rank_of(input[first + t * params.inner]);
    if (rank > best || (LAST && rank == best)) {
      best = rank;
      best_at = t;
    }
  }
  output[line] = f32(best_at);
}
