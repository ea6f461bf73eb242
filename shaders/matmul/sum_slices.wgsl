// sum_slices: what is left of a product, or of a convolution, whose terms were summed in slices (lib/slices.wgsl).
//
//   out[i] = epilogue( Σ_s sums[s, i] )          in the order of the slices: the same bits on every run
//
// layout   sums [slices, elements]; out [elements], copies one after the other, each [.., channels, run]: `run` neighbours
//          share a number of the bias. A convolution's run are the pixels of an image; a product's is one column.
// tile     one invocation: one element
// grid     elements of all copies along the folded line, LANES to a group
// used by  the variant "split"
//
// specialised by   const LANES: u32;
// linked with      lib/epilogue, lib/grid, lib/ieee, lib/slots

struct Params {
  elements: u32, per_copy: u32, slices: u32, channels: u32, run: u32, rows: u32,
  epilogue: u32, low: f32, high: f32,
}

@group(0) @binding(0) var<storage, read>       sums: array<f32>;
@group(0) @binding(2) var<storage, read>       bias: array<f32>;
@group(0) @binding(3) var<storage, read>       mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<uniform>             params: Params;
@group(0) @binding(6) var<storage, read>       addend: array<f32>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.elements) { return; }
  var result = 0.0;
  for (var s = 0u; s < params.slices; s++) { result += sums[s * params.elements + item]; }
  if (takes(BIASED)) { result += bias[(item / params.run) % params.channels]; }
  for (var once = takes(ADDED); once; once = false) { result += addend[item]; }
  if (takes(CLAMPED)) { result = clamped(result, params.low, params.high); }
  for (var once = takes(MASKED); once; once = false) {
    let y = mask[forward_copy(item / params.per_copy) * params.per_copy + item % params.per_copy];
    result = masked(result, y, params.low, params.high);
  }
  output[item] = result;
}
