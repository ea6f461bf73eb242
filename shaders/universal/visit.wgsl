// visit: what Algorithm 1 does after a forward pass (Moosavi-Dezfooli et al. 2017):
//
//   scanning    images that v fools already are passed over; DeepFool starts on the first that it does not
//   attacking   once the label changes, r is handed to `absorb`; when the iterations run out, the image is given up
//   either      where a logit is NaN or infinite, the image is given up
//
// The number of images scanned ahead follows how far the last scan had to look, between 1 and the capacity.
//
// grid     one invocation
//
// specialised by   const CAPACITY: u32;
// linked with      deepfool/state

// accept_iterations: r is absorbed only if it took at most so many steps (the authors' code: its limit less two)
struct Params { max_iterations: u32, accept_iterations: u32 }

@group(0) @binding(0) var<storage, read_write> images: array<Image>;
@group(0) @binding(1) var<storage, read>       list: array<u32>;
@group(0) @binding(2) var<storage, read>       predicted: array<u32>;
@group(0) @binding(3) var<storage, read_write> slots: array<u32>;
@group(0) @binding(4) var<storage, read_write> owners: array<u32>;
@group(0) @binding(5) var<storage, read_write> counters: Counters;
@group(0) @binding(6) var<uniform>             params: Params;

fn attack(image: u32, lane: u32) {
  slots[0] = lane;
  owners[0] = image;
  counters.backward = 1u;
}

fn give_up(image: u32, status: u32) {
  images[image].status = status;
  counters.finished++;
  counters.given_up++;
}

fn scanned() {
  for (var lane = 0u; lane < counters.forward; lane++) {
    let image = list[lane];
    images[image].new_label = predicted[lane];
    counters.cursor++;
    if (predicted[lane] == NO_LABEL || images[image].label == NO_LABEL) {
      give_up(image, NON_FINITE);
      continue;
    }
    if (predicted[lane] == images[image].label) {
      images[image].status = ACTIVE;
      counters.scan = min(2u * (lane + 1u), CAPACITY);
      attack(image, lane);
      return;
    }
    images[image].status = PASSED_OVER;
    counters.finished++;
  }
  counters.scan = min(2u * counters.scan, CAPACITY);
}

fn attacked(image: u32) {
  images[image].new_label = predicted[0];
  if (predicted[0] == NO_LABEL) {
    give_up(image, NON_FINITE);
  } else if (predicted[0] != images[image].label) {
    images[image].status = FOOLED;
    counters.finished++;
    if (images[image].iterations <= params.accept_iterations) {
      counters.absorb = image + 1u;
      counters.updates++;
    } else {
      counters.given_up++;
    }
  } else if (images[image].iterations >= params.max_iterations) {
    give_up(image, EXHAUSTED);
  } else {
    attack(image, 0u);
  }
}

@compute @workgroup_size(1)
fn main() {
  counters.backward = 0u;
  if (counters.forward == 0u) { return; }
  if (images[list[0]].status == ACTIVE) { attacked(list[0]); } else { scanned(); }
}
