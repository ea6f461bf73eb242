// gather: the network's input for every lane:  x + factor · r, and + v for universal perturbations.
//
// layout   x, r [images, elements]; shift [elements]; input [lanes, elements]
// grid     lanes · elements along the folded line, LANES to a group (indirect)
//
// specialised by   const LANES: u32; const SHIFTED: bool;
// linked with      lib/grid

struct Params { elements: u32, capacity: u32, factor: f32 }

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       r: array<f32>;
@group(0) @binding(2) var<storage, read>       shift: array<f32>;
@group(0) @binding(3) var<storage, read>       list: array<u32>;
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
  let element = item % params.elements;
  let at = list[place] * params.elements + element;
  var value = x[at];
  if (SHIFTED) { value += shift[element]; }
  input[item] = value + params.factor * r[at];
}
