// lines_tiled: kernels that walk lines of numbers, one line to a workgroup; see lines_direct.wgsl for what the functions mean.
//
// Each invocation walks every LANES-th element, so that neighbours read neighbours; what they find meets in a tree in
// workgroup memory. The order of combination is fixed, so results do not vary from run to run.
//
// assumes          LANES is a power of two; every invocation of a workgroup comes here, which a uniform line ensures
// used by          GPUs, for long lines
// linked with      lib/grid

const STEP: u32 = LANES;

var<workgroup> partial: array<f32, LANES>;

fn first_element(lane: u32) -> u32 { return lane; }

fn line_index(group: vec3u, groups: vec3u, lane: u32) -> u32 {
  return group_index(group, groups);
}

fn total(own: f32, lane: u32) -> f32 {
  partial[lane] = own;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  let sum = partial[0];
  // Nobody may write the next partial results before all have read this one.
  workgroupBarrier();
  return sum;
}

fn largest(own: f32, lane: u32) -> f32 {
  partial[lane] = own;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] = max(partial[lane], partial[lane + half]); }
    workgroupBarrier();
  }
  let most = partial[0];
  workgroupBarrier();
  return most;
}
