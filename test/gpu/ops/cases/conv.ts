import { node, uniform, weights } from "./build.ts";
import type { OpCase } from "./build.ts";

export const convolution: readonly OpCase[] = [
  {
    name: "67 channels to 33 on 5×7 pixels: nothing divides a tile",
    operands: { a: [1, 67, 5, 7] },
    constants: { w: weights([33, 67, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { pads: [1, 1, 1, 1], kernel_shape: [3, 3] })],
  },
  {
    name: "more than two tiles of pixels and one of channels",
    operands: { a: [1, 3, 10, 13] },
    constants: { w: weights([66, 3, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { pads: [1, 1, 1, 1] })],
  },
  {
    name: "a single pixel, all extents 1",
    operands: { a: [1, 1, 1, 1] },
    constants: { w: uniform([1, 1, 1, 1], 0.5, 1) },
    nodes: [node("Conv", ["a", "w"])],
  },
  {
    name: "1×1 kernel on one pixel",
    operands: { a: [1, 5, 1, 1] },
    constants: { w: weights([7, 5, 1, 1]), b: uniform([7]) },
    nodes: [node("Conv", ["a", "w", "b"])],
  },
  {
    name: "size-1 height, wide kernel",
    operands: { a: [1, 3, 1, 17] },
    constants: { w: weights([4, 3, 1, 5]) },
    nodes: [node("Conv", ["a", "w"], { pads: [0, 2, 0, 2] })],
  },
  {
    name: "stride larger than kernel: pixels between windows get nothing",
    operands: { a: [1, 3, 8, 11] },
    constants: { w: weights([5, 3, 2, 2]) },
    nodes: [node("Conv", ["a", "w"], { strides: [3, 4] })],
  },
  {
    name: "odd extent under stride 2: the last row and column are never read",
    operands: { a: [1, 2, 7, 9] },
    constants: { w: weights([3, 2, 2, 2]) },
    nodes: [node("Conv", ["a", "w"], { strides: [2, 2] })],
  },
  {
    name: "asymmetric pads",
    operands: { a: [1, 3, 6, 5] },
    constants: { w: weights([4, 3, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { pads: [0, 2, 1, 3] })],
  },
  {
    name: "pads wider than the kernel: whole windows of padding",
    operands: { a: [1, 2, 3, 4] },
    constants: { w: weights([3, 2, 2, 2]), b: uniform([3]) },
    nodes: [node("Conv", ["a", "w", "b"], { pads: [3, 2, 2, 3] })],
  },
  {
    name: "kernel larger than the input, held up by pads",
    operands: { a: [1, 2, 2, 3] },
    constants: { w: weights([3, 2, 5, 5]) },
    nodes: [node("Conv", ["a", "w"], { pads: [2, 2, 2, 2] })],
  },
  {
    name: "negative pads crop",
    operands: { a: [1, 2, 7, 6] },
    constants: { w: weights([3, 2, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { pads: [-1, 0, 1, -2] })],
    notInOrt: "onnxruntime refuses negative pads",
  },
  {
    name: "dilation differs between the axes, with stride",
    operands: { a: [1, 3, 11, 10] },
    constants: { w: weights([4, 3, 3, 2]) },
    nodes: [node("Conv", ["a", "w"], { dilations: [2, 3], strides: [2, 1], pads: [2, 1, 0, 1] })],
  },
  {
    name: "dilation shares a factor with the stride: every other pixel is never read",
    operands: { a: [1, 2, 9, 9] },
    constants: { w: weights([3, 2, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { dilations: [2, 2], strides: [2, 2], pads: [1, 1, 1, 1] })],
  },
  {
    name: "three groups of 2 channels to 3",
    operands: { a: [1, 6, 7, 5] },
    constants: { w: weights([9, 2, 3, 3]), b: uniform([9]) },
    nodes: [node("Conv", ["a", "w", "b"], { group: 3, pads: [1, 1, 1, 1] })],
  },
  {
    name: "two groups of 5 channels to 9: quads straddle no group",
    operands: { a: [1, 10, 4, 5] },
    constants: { w: weights([18, 5, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { group: 2, pads: [1, 1, 1, 1] })],
  },
  {
    name: "depthwise, 5 channels, stride 2",
    operands: { a: [1, 5, 9, 7] },
    constants: { w: weights([5, 1, 3, 3]), b: uniform([5]) },
    nodes: [node("Conv", ["a", "w", "b"], { group: 5, strides: [2, 2], pads: [1, 1, 1, 1] })],
  },
  {
    name: "depthwise with multiplier 2",
    operands: { a: [1, 3, 5, 6] },
    constants: { w: weights([6, 1, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { group: 3, pads: [1, 1, 1, 1] })],
  },
  {
    name: "depthwise with ReLU6 and a 5×5 kernel",
    operands: { a: [1, 4, 6, 7] },
    constants: { w: weights([4, 1, 5, 5]), b: uniform([4]), low: { shape: [], data: [0] }, high: { shape: [], data: [0.5] } },
    nodes: [node("Conv", ["a", "w", "b"], { group: 4, pads: [2, 2, 2, 2] }, "c"), node("Clip", ["c", "low", "high"])],
  },
  {
    name: "groups of 2 channels to 1: the adjoint has one channel per group",
    operands: { a: [1, 6, 5, 6] },
    constants: { w: weights([3, 2, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { group: 3, strides: [1, 2], pads: [1, 0, 1, 1] })],
  },
  {
    name: "1-D",
    operands: { a: [1, 4, 19] },
    constants: { w: weights([6, 4, 5]), b: uniform([6]) },
    nodes: [node("Conv", ["a", "w", "b"], { pads: [1, 2], strides: [2] })],
  },
  {
    name: "1-D, dilated, grouped, auto_pad",
    operands: { a: [1, 4, 14] },
    constants: { w: weights([6, 2, 3]) },
    nodes: [node("Conv", ["a", "w"], { auto_pad: "SAME_UPPER", dilations: [2], group: 2 })],
    notInOrt: "onnxruntime refuses auto_pad with dilations",
  },
  ...(["SAME_UPPER", "SAME_LOWER", "VALID"] as const).map(
    (autoPad): OpCase => ({
      name: `auto_pad ${autoPad}, even kernel under stride 2`,
      operands: { a: [1, 2, 7, 8] },
      constants: { w: weights([3, 2, 4, 2]) },
      nodes: [node("Conv", ["a", "w"], { auto_pad: autoPad, strides: [2, 2] })],
    }),
  ),
  {
    name: "auto_pad SAME_UPPER where stride exceeds the kernel needs no pads",
    operands: { a: [1, 2, 7, 8] },
    constants: { w: weights([3, 2, 2, 1]) },
    nodes: [node("Conv", ["a", "w"], { auto_pad: "SAME_UPPER", strides: [3, 3] })],
  },
  {
    name: "two images in one sample: a file frozen at batch 2",
    operands: { a: [2, 3, 5, 4] },
    constants: { w: weights([5, 3, 3, 3]), b: uniform([5]) },
    nodes: [node("Conv", ["a", "w", "b"], { pads: [1, 1, 1, 1] }, "c"), node("Relu", ["c"])],
  },
  {
    name: "bias and ReLU in the epilogue",
    operands: { a: [1, 3, 6, 7] },
    constants: { w: weights([10, 3, 3, 3]), b: uniform([10]) },
    nodes: [node("Conv", ["a", "w", "b"], { pads: [1, 1, 1, 1] }, "c"), node("Relu", ["c"])],
  },
  {
    name: "convolution, ReLU, convolution, clip: the adjoint carries masks in its epilogue",
    operands: { a: [1, 3, 6, 7] },
    constants: {
      w: weights([10, 3, 3, 3]), b: uniform([10]), v: weights([6, 10, 3, 3]), low: { shape: [], data: [-0.25] }, high: { shape: [], data: [0.5] },
    },
    nodes: [
      node("Conv", ["a", "w", "b"], { pads: [1, 1, 1, 1] }, "c"),
      node("Relu", ["c"], {}, "d"),
      node("Conv", ["d", "v"], { strides: [2, 2], pads: [1, 1, 1, 1] }, "e"),
      node("Clip", ["e", "low", "high"]),
    ],
  },
  {
    name: "1×1 on a picture sees it as one row",
    operands: { a: [1, 6, 5, 7] },
    constants: { w: weights([12, 6, 1, 1]), b: uniform([12]) },
    nodes: [node("Conv", ["a", "w", "b"], {}, "c"), node("Relu", ["c"])],
  },
  {
    name: "1×1 with stride 2 skips pixels",
    operands: { a: [1, 3, 5, 6] },
    constants: { w: weights([4, 3, 1, 1]) },
    nodes: [node("Conv", ["a", "w"], { strides: [2, 2] })],
  },
  {
    name: "1×1 with pads",
    operands: { a: [1, 3, 4, 5] },
    constants: { w: weights([4, 3, 1, 1]), b: uniform([4]) },
    nodes: [node("Conv", ["a", "w", "b"], { pads: [1, 0, 2, 1] })],
  },
  {
    name: "a kernel 9 wide on rows of 17, 12 outputs",
    operands: { a: [1, 2, 3, 17] },
    constants: { w: weights([12, 2, 2, 9]) },
    nodes: [node("Conv", ["a", "w"], { pads: [0, 4, 1, 4] })],
  },
  {
    name: "a kernel 10 wide, 20 outputs",
    operands: { a: [1, 2, 2, 19] },
    constants: { w: weights([20, 2, 1, 10]) },
    nodes: [node("Conv", ["a", "w"], { pads: [0, 5, 0, 4] })],
  },
  {
    name: "groups of 3 channels to 20, rows of 16",
    operands: { a: [1, 6, 3, 16] },
    constants: { w: weights([40, 3, 3, 3]) },
    nodes: [node("Conv", ["a", "w"], { group: 2, pads: [1, 1, 1, 1] })],
  },
  {
    name: "one output channel",
    operands: { a: [1, 5, 6, 9] },
    constants: { w: weights([1, 5, 3, 4]) },
    nodes: [node("Conv", ["a", "w"], { pads: [0, 3, 0, 0] })],
  },
  {
    name: "batch normalisation folds into the weights",
    operands: { a: [1, 3, 5, 6] },
    constants: {
      w: weights([7, 3, 3, 3]), b: uniform([7]),
      gamma: uniform([7], 0.5, 2), beta: uniform([7]), mean: uniform([7]), variance: uniform([7], 0.1, 2),
    },
    nodes: [node("Conv", ["a", "w", "b"], {}, "c"), node("BatchNormalization", ["c", "gamma", "beta", "mean", "variance"], {}, "d"), node("Relu", ["d"])],
  },
  {
    name: "a bias computed from the input",
    operands: { a: [1, 3, 5, 6], b: [4] },
    constants: { w: weights([4, 3, 3, 3]) },
    nodes: [node("Conv", ["a", "w", "b"], { pads: [1, 1, 1, 1] })],
  },
  {
    name: "a convolution of a constant, added to what depends on the input",
    operands: { a: [1, 4, 3, 4] },
    constants: { picture: uniform([1, 3, 5, 6]), w: weights([4, 3, 3, 3]) },
    nodes: [node("Conv", ["picture", "w"], {}, "c"), node("Add", ["a", "c"])],
  },
];

export const transposed: readonly OpCase[] = [
  {
    name: "67 channels to 9, stride 2, output_padding",
    operands: { a: [1, 67, 3, 5] },
    constants: { w: weights([67, 9, 3, 3], 67 * 9), b: uniform([9]) },
    nodes: [node("ConvTranspose", ["a", "w", "b"], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] })],
  },
  {
    name: "stride larger than kernel leaves holes",
    operands: { a: [1, 2, 4, 3] },
    constants: { w: weights([2, 3, 2, 2], 8), b: uniform([3]) },
    nodes: [node("ConvTranspose", ["a", "w", "b"], { strides: [3, 4] })],
  },
  {
    name: "groups, dilation and asymmetric pads",
    operands: { a: [1, 6, 5, 4] },
    constants: { w: weights([6, 2, 3, 2], 12) },
    nodes: [node("ConvTranspose", ["a", "w"], { group: 3, dilations: [2, 3], pads: [0, 2, 1, 0], strides: [1, 2] })],
  },
  {
    name: "depthwise with ReLU",
    operands: { a: [1, 5, 4, 6] },
    constants: { w: weights([5, 1, 3, 3], 9), b: uniform([5]) },
    nodes: [node("ConvTranspose", ["a", "w", "b"], { group: 5, strides: [2, 2] }, "c"), node("Relu", ["c"])],
  },
  {
    name: "output_padding beyond the pads: the last rows come from nothing",
    operands: { a: [1, 2, 3, 3] },
    constants: { w: weights([2, 3, 2, 2], 8) },
    nodes: [node("ConvTranspose", ["a", "w"], { strides: [3, 3], output_padding: [2, 1] })],
  },
  ...(["SAME_UPPER", "SAME_LOWER"] as const).map(
    (autoPad): OpCase => ({
      name: `auto_pad ${autoPad}`,
      operands: { a: [1, 2, 4, 5] },
      constants: { w: weights([2, 3, 4, 3], 24) },
      nodes: [node("ConvTranspose", ["a", "w"], { auto_pad: autoPad, strides: [2, 2] })],
    }),
  ),
  {
    name: "1×1 kernel, output_padding: the output is larger than the input",
    operands: { a: [1, 2, 3, 4] },
    constants: { w: weights([2, 3, 1, 1], 2), b: uniform([3]) },
    nodes: [node("ConvTranspose", ["a", "w", "b"], { dilations: [2, 2], output_padding: [1, 1] })],
    notInOrt: "onnxruntime wants output_padding below the stride; ONNX says stride or dilation",
  },
  {
    name: "output_shape decides the pads",
    operands: { a: [1, 2, 4, 5] },
    constants: { w: weights([2, 3, 3, 3], 18) },
    nodes: [node("ConvTranspose", ["a", "w"], { output_shape: [8, 10], strides: [2, 2] })],
  },
  {
    name: "1-D",
    operands: { a: [1, 4, 7] },
    constants: { w: weights([4, 3, 5], 20), b: uniform([3]) },
    nodes: [node("ConvTranspose", ["a", "w", "b"], { strides: [2], pads: [1, 2], output_padding: [1] })],
  },
  {
    name: "batch normalisation folds into grouped weights",
    operands: { a: [1, 4, 3, 4] },
    constants: {
      w: weights([4, 3, 3, 3], 18),
      gamma: uniform([6], 0.5, 2), beta: uniform([6]), mean: uniform([6]), variance: uniform([6], 0.1, 2),
    },
    nodes: [node("ConvTranspose", ["a", "w"], { group: 2, strides: [2, 1] }, "c"), node("BatchNormalization", ["c", "gamma", "beta", "mean", "variance"])],
  },
];
