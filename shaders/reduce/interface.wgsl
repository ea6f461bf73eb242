// interface: the shape of a reduction and what is bound to it, the same for every variant.
//
//   outputs            elements of all copies of the output;  outputs_per_copy, inputs_per_copy: of one copy
//   kept_*             extents and strides, in the input, of the axes that stay
//   outer, outer_*     combinations of all reduced axes but the last;  inner, inner_stride: the last one

struct Params {
  outputs: u32, outputs_per_copy: u32, inputs_per_copy: u32, outer: u32, inner: u32, inner_stride: u32,
  kept_extents: array<vec4i, 2>, kept_strides: array<vec4i, 2>,
  outer_extents: array<vec4i, 2>, outer_strides: array<vec4i, 2>,
}

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform>             params: Params;
