// top_k_adjoint: sends the cotangent of each of the K elements back to where it was; the tangent goes the other way.
//
//   adjoint   dx[o, t, n] = Σ_k dy[o, k, n] · 1[indices[o, k, n] = t]        tangent   ẏ[o, k, n] = ẋ[o, indices[o, k, n], n]
//
// layout   as top_k.wgsl; direction and out are row values, indices a sample value read through slots
// grid     elements of out along the folded line, LANES to a group
//
// specialised by   const LANES: u32; const TANGENT: bool;
// linked with      lib/grid, lib/slots

struct Params { elements: u32, elements_per_copy: u32, indices_per_copy: u32, extent: u32, inner: u32, count: u32, rows: u32 }

@group(0) @binding(0) var<storage, read>       direction: array<f32>;
@group(0) @binding(1) var<storage, read>       indices: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.elements) { return; }
  let copy = item / params.elements_per_copy;
  let within = item % params.elements_per_copy;
  let inner = within % params.inner;
  let indices_at = forward_copy(copy) * params.indices_per_copy;
  if (TANGENT) {
    let outer = within / params.inner / params.count;
    let outers = params.elements_per_copy / params.inner / params.count;
    let t = u32(indices[indices_at + within]);
    output[item] = direction[((copy * outers + outer) * params.extent + t) * params.inner + inner];
  } else {
    let t = within / params.inner % params.extent;
    let outer = within / params.inner / params.extent;
    let line = outer * params.count * params.inner + inner;
    var sum = 0.0;
    for (var k = 0u; k < params.count; k++) {
      let at = line + k * params.inner;
      if (u32(indices[indices_at + at]) == t) { sum += direction[copy * params.indices_per_copy + at]; }
    }
    output[item] = sum;
  }
}
