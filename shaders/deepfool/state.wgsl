// state: what the attack kernels know of every image, and how many images are at work.
//
//   image     one picture of the segment in memory; its data lie at image · elements in x and r
//   lane      a place in the current forward pass: list[lane] is the image there
//   survivor  a place in the current backward pass: owners[survivor] is the image, slots[survivor] its lane

const WAITING: u32 = 0u;       // not looked at yet
const ACTIVE: u32 = 1u;        // DeepFool is at work on it
const FOOLED: u32 = 2u;        // the label changed
const EXHAUSTED: u32 = 3u;     // the iterations are used up
const NO_DIRECTION: u32 = 4u;  // every candidate's gradient equals that of the label: no linearised boundary to walk to
const PASSED_OVER: u32 = 5u;   // universal: was fooled by v already

struct Image {
  status: u32,
  label: u32,        // before the attack
  new_label: u32,    // of the last forward pass
  iterations: u32,   // steps made
}

struct Counters {
  forward: u32,      // lanes of this tick's forward pass
  backward: u32,     // survivors of this tick
  cursor: u32,       // images of the segment begun or passed over
  finished: u32,     // images done with
  total: u32,        // images of the segment
  scan: u32,         // universal: lanes to scan next time
  updates: u32,      // universal: times v was changed
  absorb: u32,       // universal: 1 + the image whose r is to be added to v in this tick, or 0
  given_up: u32,     // images on which DeepFool did not succeed (universal), or found no direction
  norm: f32,         // universal: the norm of v
  padding: vec2u,
}
