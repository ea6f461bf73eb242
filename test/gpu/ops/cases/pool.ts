import { node } from "./build.ts";
import type { OpCase } from "./build.ts";

/** What both pools share; each is run as a maximum and as an average. */
const windows: readonly { name: string; shape: number[]; attributes: Record<string, number | string | number[]>; notInOrt?: string }[] = [
  { name: "2×2, stride 2", shape: [1, 3, 6, 8], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  {
    name: "overlapping 3×3 windows, stride 2, odd extents",
    shape: [1, 5, 7, 9],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  { name: "stride larger than the window", shape: [1, 2, 8, 7], attributes: { kernel_shape: [2, 1], strides: [3, 2] } },
  { name: "asymmetric pads", shape: [1, 2, 5, 6], attributes: { kernel_shape: [3, 3], strides: [1, 2], pads: [0, 2, 1, 1] } },
  { name: "ceil_mode hangs over the end", shape: [1, 2, 6, 7], attributes: { kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1 } },
  {
    name: "ceil_mode drops a window that would start in the padding",
    shape: [1, 2, 5, 6],
    attributes: { kernel_shape: [2, 2], strides: [3, 2], pads: [1, 1, 1, 1], ceil_mode: 1 },
    notInOrt: "its shape inference keeps the window that its kernel drops",
  },
  { name: "window of one pixel", shape: [1, 2, 3, 4], attributes: { kernel_shape: [1, 1] } },
  { name: "window as large as the input", shape: [1, 3, 5, 4], attributes: { kernel_shape: [5, 4] } },
  { name: "1-D", shape: [1, 3, 13], attributes: { kernel_shape: [3], strides: [2], pads: [1, 0] } },
  { name: "auto_pad SAME_UPPER", shape: [1, 2, 7, 6], attributes: { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "SAME_UPPER" } },
  { name: "auto_pad SAME_LOWER", shape: [1, 2, 7, 6], attributes: { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "SAME_LOWER" } },
  { name: "auto_pad VALID", shape: [1, 2, 7, 6], attributes: { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "VALID" } },
  { name: "two images in one sample", shape: [2, 3, 5, 5], attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
];

export const maxima: readonly OpCase[] = [
  ...windows.map(({ name, shape, attributes, notInOrt }): OpCase => ({
    name,
    ...(notInOrt && { notInOrt }),
    operands: { a: shape },
    nodes: [node("MaxPool", ["a"], attributes)],
  })),
  {
    name: "dilated windows",
    operands: { a: [1, 2, 9, 8] },
    nodes: [node("MaxPool", ["a"], { kernel_shape: [3, 2], dilations: [2, 3], strides: [2, 1], pads: [1, 0, 2, 1] })],
  },
  { name: "opset 8", opset: 8, operands: { a: [1, 2, 5, 5] }, nodes: [node("MaxPool", ["a"], { kernel_shape: [2, 2] })] },
];

export const averages: readonly OpCase[] = [
  ...windows.map(({ name, shape, attributes, notInOrt }): OpCase => ({
    name,
    ...(notInOrt && { notInOrt }),
    operands: { a: shape },
    nodes: [node("AveragePool", ["a"], attributes)],
  })),
  ...windows
    .filter(({ attributes }) => "pads" in attributes || "auto_pad" in attributes)
    .map(({ name, shape, attributes, notInOrt }): OpCase => ({
      name: `${name}, padding counts`,
      ...(notInOrt && { notInOrt }),
      operands: { a: shape },
      nodes: [node("AveragePool", ["a"], { ...attributes, count_include_pad: 1 })],
    })),
  {
    name: "ceil_mode with padding that counts: taps past the padding do not",
    opset: 19,
    operands: { a: [1, 2, 6, 7] },
    nodes: [node("AveragePool", ["a"], { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], ceil_mode: 1, count_include_pad: 1 })],
  },
  {
    name: "dilated windows, opset 19",
    opset: 19,
    operands: { a: [1, 2, 9, 8] },
    nodes: [node("AveragePool", ["a"], { kernel_shape: [3, 2], dilations: [2, 3], strides: [2, 1], pads: [1, 0, 2, 1] })],
  },
];

export const globals: readonly OpCase[] = [
  { name: "2-D", operands: { a: [1, 5, 7, 3] }, nodes: [node("GlobalAveragePool", ["a"])] },
  { name: "1-D", operands: { a: [1, 5, 7] }, nodes: [node("GlobalAveragePool", ["a"])] },
  { name: "one pixel", operands: { a: [1, 5, 1, 1] }, nodes: [node("GlobalAveragePool", ["a"])] },
  { name: "more pixels than a workgroup has lanes", operands: { a: [1, 2, 19, 17] }, nodes: [node("GlobalAveragePool", ["a"])] },
];
