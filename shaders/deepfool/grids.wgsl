// grids: workgroup counts for the dispatches of a pass, from the number of images at work.
//
//   groups = ⌈(samples · items_per_sample + fixed_items) / per_group⌉, folded over x and y; none when no sample is left
//
// The host never learns the number of images in time to size a dispatch, so the GPU sizes its own (indirect dispatch):
// finished images cost nothing.
//
// layout   table: one Grid per launch; grids: x, y, z per launch, as dispatchWorkgroupsIndirect reads them
// grid     launches, LANES to a group
//
// specialised by   const LANES: u32; const BACKWARD: bool (which counter, and which half of the table);
// linked with      deepfool/state, lib/grid

const MAX_GROUPS: u32 = 65535u;   // WebGPU's guaranteed maximum in one dimension

struct Grid { items_per_sample: u32, fixed_items: u32, per_group: u32, depth: u32 }
struct Params { begin: u32, end: u32 }

@group(0) @binding(0) var<storage, read>       counters: Counters;
@group(0) @binding(1) var<storage, read>       table: array<Grid>;
@group(0) @binding(2) var<storage, read_write> grids: array<u32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let launch = params.begin + item_index(group, grid, lane);
  if (launch >= params.end) { return; }
  var samples = counters.forward;
  if (BACKWARD) { samples = counters.backward; }
  let wanted = table[launch];
  var groups = (samples * wanted.items_per_sample + wanted.fixed_items + wanted.per_group - 1u) / wanted.per_group;
  if (samples == 0u) { groups = 0u; }
  let y = (groups + MAX_GROUPS - 1u) / MAX_GROUPS;
  grids[3u * launch] = (groups + max(y, 1u) - 1u) / max(y, 1u);
  grids[3u * launch + 1u] = y;
  grids[3u * launch + 2u] = wanted.depth;
}
