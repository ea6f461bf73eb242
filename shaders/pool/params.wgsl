// params: the shape of a pooling window, the same for every pool.
//
//   pixels_out   out_h · out_w: positions this kernel writes in a plane;  pixels_in: positions it reads in a plane
//   planes       images · channels of all copies;  planes_per_copy: of one copy
//   window_h, window_w   window extents; COUNT_PADDING says whether the padding counts in an average
//   unpadded_h, unpadded_w   extents of the pooled input, from which an average's divisor follows

struct Params {
  planes: u32, planes_per_copy: u32, rows: u32,
  in_h: u32, in_w: u32, out_h: u32, out_w: u32, window_h: u32, window_w: u32,
  stride_h: i32, stride_w: i32, pad_h: i32, pad_w: i32, pad_bottom: i32, pad_right: i32,
  dilation_h: i32, dilation_w: i32, unpadded_h: i32, unpadded_w: i32,
}
