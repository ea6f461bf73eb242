// interface: the shape of a convolution and what is bound to it, the same for every variant. Weights (binding 1) are declared
// by each kernel, as it reads them.
//
//   columns           output pixels of all images: images · out_h · out_w
//   rows              cotangents or tangents per sample (1 in a forward pass)
//   images_per_copy   images in one copy of a value: the batch extent inside a sample, nearly always 1
//   up, step          for conv_quad.wgsl: the input lies up pixels apart in a frame that stride, pad and dilation move in, and
//                     every step-th tap of a phase meets it; 1 and 1 where the input is read as it is
//   bands             for conv_depthwise.wgsl: bands of rows that a plane is cut into; 1 for other kernels
//   slice_depth       for conv_tiled.wgsl: how many k = tap · channels + c a workgroup sums (lib/slices.wgsl); other kernels sum all
//   channels          input channels of one group;  outputs: output channels of one group;  quads: ⌈outputs / 4⌉

struct Params {
  columns: u32, rows: u32, images_per_copy: u32,
  channels: u32, outputs: u32, groups: u32, quads: u32,
  in_h: u32, in_w: u32, out_h: u32, out_w: u32, kernel_h: u32, kernel_w: u32,
  stride_h: i32, stride_w: i32, pad_h: i32, pad_w: i32, dilation_h: i32, dilation_w: i32,
  up_h: u32, up_w: u32, step_h: u32, step_w: u32,
  bands: u32, slice_depth: u32,
  epilogue: u32, low: f32, high: f32,
}

@group(0) @binding(0) var<storage, read>       input: array<f32>;
@group(0) @binding(2) var<storage, read>       bias: array<f32>;
@group(0) @binding(3) var<storage, read>       mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<uniform>             params: Params;
@group(0) @binding(6) var<storage, read>       addend: array<f32>;
