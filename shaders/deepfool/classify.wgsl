// classify: the label of every lane: the index of the largest logit, the lowest index among equals; NO_LABEL
// where a logit is NaN or infinite.
//
// grid     lanes, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      deepfool/state, lib/grid

struct Params { classes: u32, capacity: u32 }

@group(0) @binding(0) var<storage, read>       logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> predicted: array<u32>;
@group(0) @binding(2) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = item_index(group, grid, lane);
  if (place >= params.capacity) { return; }
  let first = place * params.classes;
  var best = 0u;
  var finite = true;
  for (var c = 0u; c < params.classes; c++) {
    let score = logits[first + c];
    finite = finite && is_finite(score);
    if (score > logits[first + best]) { best = c; }
  }
  predicted[place] = select(NO_LABEL, best, finite);
}
