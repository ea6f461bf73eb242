// schedule: the lanes of the next forward pass: the images still active, then images not begun, up to the capacity.
//
// Finished images leave their lanes to new ones, so the passes stay full until the segment runs out.
//
// grid     one workgroup; each invocation takes a run of neighbouring lanes, so the order of images is kept
//
// specialised by   const LANES: u32; const CAPACITY: u32;
// linked with      deepfool/state

@group(0) @binding(0) var<storage, read_write> images: array<Image>;
@group(0) @binding(1) var<storage, read_write> list: array<u32>;
@group(0) @binding(2) var<storage, read_write> counters: Counters;

var<workgroup> kept: array<u32, LANES>;     // active images in each invocation's run
var<workgroup> previous: array<u32, CAPACITY>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  let run = (CAPACITY + LANES - 1u) / LANES;
  let begin = min(lane * run, counters.forward);
  let end = min(begin + run, counters.forward);
  var count = 0u;
  for (var i = begin; i < end; i++) {
    previous[i] = list[i];
    if (images[previous[i]].status == ACTIVE) { count++; }
  }
  kept[lane] = count;
  workgroupBarrier();

  var to = 0u;
  for (var other = 0u; other < lane; other++) { to += kept[other]; }
  for (var i = begin; i < end; i++) {
    if (images[previous[i]].status == ACTIVE) {
      list[to] = previous[i];
      to++;
    }
  }
  workgroupBarrier();

  if (lane == LANES - 1u) {
    let room = min(CAPACITY - to, counters.total - counters.cursor);
    for (var i = 0u; i < room; i++) { list[to + i] = counters.cursor + i; }
    counters.cursor += room;
    counters.forward = to + room;
  }
}
