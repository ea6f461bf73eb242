// candidates: the classes whose boundaries an image may cross: those with the largest logits where its attack starts,
// largest first, the lowest index among equals. The first is its label. They stay frozen during the attack
// (Moosavi-Dezfooli et al. 2017, authors' code: the top ten).
//
// layout   candidates [images, count]
// grid     survivors, LANES to a group; images past their first step keep what they have
//
// specialised by   const LANES: u32;
// linked with      deepfool/state, lib/grid

struct Params { classes: u32, count: u32 }

@group(0) @binding(0) var<storage, read>       logits: array<f32>;
@group(0) @binding(1) var<storage, read>       images: array<Image>;
@group(0) @binding(2) var<storage, read>       slots: array<u32>;
@group(0) @binding(3) var<storage, read>       owners: array<u32>;
@group(0) @binding(4) var<storage, read>       counters: Counters;
@group(0) @binding(5) var<storage, read_write> candidates: array<u32>;
@group(0) @binding(6) var<uniform>             params: Params;

/// Whether class a comes before class b in the order of candidates.
fn precedes(first: u32, a: u32, b: u32) -> bool {
  let x = logits[first + a];
  let y = logits[first + b];
  return x > y || (x == y && a < b);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let survivor = item_index(group, grid, lane);
  if (survivor >= counters.backward || images[owners[survivor]].iterations > 0u) { return; }
  let first = slots[survivor] * params.classes;
  let to = owners[survivor] * params.count;
  // Selection by rank: the next candidate is the best class that comes after the last one.
  var last = params.classes;
  for (var k = 0u; k < params.count; k++) {
    var best = params.classes;
    for (var c = 0u; c < params.classes; c++) {
      let after_last = last == params.classes || precedes(first, last, c);
      if (after_last && (best == params.classes || precedes(first, c, best))) { best = c; }
    }
    candidates[to + k] = best;
    last = best;
  }
}
