// unary: y = f(x), element by element.
//
// layout   any; x and y have one shape and one lead; four elements to an invocation (buffers are padded to 16 bytes)
// grid     ⌈elements / 4⌉ items along the folded line
//
// specialised by   const LANES: u32;
// linked with      lib/grid, lib/ieee and one of elementwise/functions/*, which defines value(x)

struct Params { quads: u32, alpha: f32, beta: f32 }

@group(0) @binding(0) var<storage, read>       input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform>             params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, grid, lane);
  if (item >= params.quads) { return; }
  output[item] = value(input[item]);
}
