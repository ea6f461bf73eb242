// lines_tiled: kernels that walk lines of numbers, one line to a workgroup; see lines_direct.wgsl for what the functions mean.
//
// Each invocation walks every LANES-th element, so that neighbours read neighbours; what they find meets in a tree in
// workgroup memory. The order of combination is fixed, so results do not vary from run to run.
//
// assumes          LANES is a power of two; every invocation of a workgroup comes here, which a uniform line ensures
// used by          GPUs, for long lines
// linked with      lib/grid, lib/ieee

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
  // All have read it before anybody writes the next partial results.
  return workgroupUniformLoad(&partial[0]);
}

fn largest(own: f32, lane: u32) -> f32 {
  partial[lane] = own;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] = larger(partial[lane], partial[lane + half]); }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&partial[0]);
}
