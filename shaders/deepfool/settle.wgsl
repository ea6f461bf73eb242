// settle: after a forward pass, which images are fooled, which are out of iterations, and which go on to a backward pass.
//
//   first visit   the label seen is the one to leave;   later   a different label means fooled
//   no label      a logit is NaN or infinite: the image is done with, and not fooled
//
// Survivors are compacted: the backward pass runs over them alone, and slots[j] says in which lane survivor j's forward
// values lie, so nothing is moved.
//
// grid     one workgroup; each invocation takes a run of neighbouring lanes, so the order of images is kept
//
// specialised by   const LANES: u32; const CAPACITY: u32;
// linked with      deepfool/state

struct Params { max_iterations: u32 }

@group(0) @binding(0) var<storage, read_write> images: array<Image>;
@group(0) @binding(1) var<storage, read>       list: array<u32>;
@group(0) @binding(2) var<storage, read>       predicted: array<u32>;
@group(0) @binding(3) var<storage, read_write> slots: array<u32>;
@group(0) @binding(4) var<storage, read_write> owners: array<u32>;
@group(0) @binding(5) var<storage, read_write> counters: Counters;
@group(0) @binding(6) var<uniform>             params: Params;

var<workgroup> kept: array<u32, LANES>;

fn settled(image: Image, label: u32) -> Image {
  var next = image;
  next.new_label = label;
  if (image.status == WAITING) { next.label = label; }
  if (label == NO_LABEL) {
    next.status = NON_FINITE;
    return next;
  }
  if (label != next.label) {
    next.status = FOOLED;
    return next;
  }
  next.status = ACTIVE;
  if (next.iterations >= params.max_iterations) { next.status = EXHAUSTED; }
  return next;
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  let run = (CAPACITY + LANES - 1u) / LANES;
  let begin = min(lane * run, counters.forward);
  let end = min(begin + run, counters.forward);
  var count = 0u;
  for (var i = begin; i < end; i++) {
    let image = settled(images[list[i]], predicted[i]);
    images[list[i]] = image;
    if (image.status == ACTIVE) { count++; }
  }
  kept[lane] = count;
  workgroupBarrier();

  var to = 0u;
  for (var other = 0u; other < lane; other++) { to += kept[other]; }
  for (var i = begin; i < end; i++) {
    if (images[list[i]].status == ACTIVE) {
      slots[to] = i;
      owners[to] = list[i];
      to++;
    }
  }
  if (lane == LANES - 1u) {
    counters.backward = to;
    counters.finished += counters.forward - to;
  }
}
