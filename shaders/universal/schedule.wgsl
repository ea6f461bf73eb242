// universal schedule: the lanes of the next forward pass when images are visited strictly one after another.
//
//   while DeepFool is at work on an image     that image alone
//   otherwise                                 the next `scan` images, to find the first that v does not fool yet
//
// Looking ahead changes nothing of the algorithm: v stays as it is until an image that needs it is found, and what was seen
// beyond that image is forgotten.
//
// grid     one invocation
//
// specialised by   nothing
// linked with      deepfool/state

@group(0) @binding(0) var<storage, read>       images: array<Image>;
@group(0) @binding(1) var<storage, read_write> list: array<u32>;
@group(0) @binding(2) var<storage, read_write> counters: Counters;

@compute @workgroup_size(1)
fn main() {
  counters.absorb = 0u;
  if (counters.cursor > 0u && images[counters.cursor - 1u].status == ACTIVE) {
    list[0] = counters.cursor - 1u;
    counters.forward = 1u;
    return;
  }
  let lanes = min(counters.scan, counters.total - counters.cursor);
  for (var i = 0u; i < lanes; i++) { list[i] = counters.cursor + i; }
  counters.forward = lanes;
}
