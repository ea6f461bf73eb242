// copy_peak: how fast an adapter copies a buffer that fits no cache.
//
//   output[i] ← input[i]
//
// layout   input, output [count] vec4
// tile     one invocation: VECTORS vectors, LANES apart, so that the lanes of a workgroup read side by side each time
// grid     count / (LANES · VECTORS) workgroups along the folded line
// counts   count · 32 bytes, read and written
//
// specialised by   const LANES, VECTORS: u32
// linked with      lib/grid

struct Params {
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var at = group_index(group, groups) * LANES * VECTORS + lane;
  for (var i = 0u; i < VECTORS; i++) {
    if (at < params.count) { output[at] = input[at]; }
    at += LANES;
  }
}
