// identity: slots[j] = j, once the survivors' own forward pass has put survivor j in lane j.
//
// grid     capacity, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      lib/grid

struct Params { capacity: u32 }

@group(0) @binding(0) var<storage, read_write> slots: array<u32>;
@group(0) @binding(1) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let survivor = item_index(group, grid, lane);
  if (survivor < params.capacity) { slots[survivor] = survivor; }
}
