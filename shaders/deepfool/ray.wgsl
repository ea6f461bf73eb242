// ray: points on the way from images to where they are perturbed, in two dispatches:  input = factor · r,  then  input += x.
//
// In two, so that no adapter fuses product and sum: an app that adds the scaled r to x gets the same bits, and the same label.
//
// layout   x, r [images, elements]; list, factors [lanes]; input [lanes, elements]
// grid     lanes · elements along the folded line, LANES to a group
//
// specialised by   const LANES: u32;
// linked with      lib/grid

struct Params { elements: u32, capacity: u32, adds: u32 }

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       r: array<f32>;
@group(0) @binding(2) var<storage, read>       list: array<u32>;
@group(0) @binding(3) var<storage, read>       factors: array<f32>;
@group(0) @binding(4) var<storage, read_write> input: array<f32>;
@group(0) @binding(5) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  let place = item / params.elements;
  if (place >= params.capacity) { return; }
  let at = list[place] * params.elements + item % params.elements;
  if (params.adds == 0u) { input[item] = factors[place] * r[at]; } else { input[item] += x[at]; }
}
