import { ints, node, scalar, uniform } from "./build.ts";
import type { OpCase } from "./build.ts";

/** The largest double below 2⁶³: what exporters write for "to the end", but for its last bits. */
const INT64_MAX = 2 ** 63 - 1024;

export const reshapes: readonly OpCase[] = [
  { name: "Reshape with 0 and −1", operands: { a: [1, 3, 4, 5] }, constants: { s: ints(0, -1, 5) }, nodes: [node("Reshape", ["a", "s"])] },
  {
    name: "Reshape, opset 5 form in opset 7",
    opset: 7,
    operands: { a: [1, 6] },
    constants: { s: ints(1, 2, 3) },
    nodes: [node("Reshape", ["a", "s"])],
  },
  { name: "Flatten", operands: { a: [1, 3, 2, 2] }, nodes: [node("Flatten", ["a"])] },
  { name: "Flatten from axis 3", operands: { a: [1, 3, 2, 2] }, nodes: [node("Flatten", ["a"], { axis: 3 })] },
  { name: "Flatten from a negative axis", operands: { a: [1, 3, 2, 2] }, nodes: [node("Flatten", ["a"], { axis: -2 })] },
  { name: "Flatten from axis 0", operands: { a: [1, 3, 2, 2] }, nodes: [node("Flatten", ["a"], { axis: 0 })] },
  { name: "Squeeze by input", operands: { a: [1, 3, 1, 2] }, constants: { s: ints(-2) }, nodes: [node("Squeeze", ["a", "s"])] },
  { name: "Squeeze by attribute, opset 11", opset: 11, operands: { a: [1, 3, 1, 2] }, nodes: [node("Squeeze", ["a"], { axes: [2] })] },
  { name: "Squeeze of everything", operands: { a: [1, 3, 1, 2] }, nodes: [node("Squeeze", ["a"])] },
  { name: "Unsqueeze by input", operands: { a: [1, 3, 2] }, constants: { s: ints(1, -1) }, nodes: [node("Unsqueeze", ["a", "s"])] },
  { name: "Unsqueeze by attribute, opset 11", opset: 11, operands: { a: [1, 3, 2] }, nodes: [node("Unsqueeze", ["a"], { axes: [0, 4] })] },
  {
    name: "a shape computed from the input's shape",
    operands: { a: [1, 3, 4, 5] },
    constants: { starts: ints(1), ends: ints(2), rest: ints(-1), first: ints(1) },
    nodes: [node("Reshape", ["a", "first_rest"])].flatMap((reshape) => [
      node("Concat", ["first", "rest"], { axis: 0 }, "first_rest"),
      reshape,
    ]),
  },
];

export const transposes: readonly OpCase[] = [
  { name: "NCHW to NHWC", operands: { a: [1, 3, 4, 5] }, nodes: [node("Transpose", ["a"], { perm: [0, 2, 3, 1] })] },
  { name: "NHWC to NCHW, the other cycle", operands: { a: [1, 3, 4, 5] }, nodes: [node("Transpose", ["a"], { perm: [0, 3, 1, 2] })] },
  { name: "no perm reverses the axes", operands: { a: [2, 3, 4] }, nodes: [node("Transpose", ["a"])] },
  { name: "six axes", operands: { a: [1, 2, 3, 2, 3, 2] }, nodes: [node("Transpose", ["a"], { perm: [0, 5, 3, 1, 4, 2] })] },
  {
    name: "depth to space by reshape, transpose, reshape",
    operands: { a: [1, 8, 3, 2] },
    constants: { s: ints(1, 2, 2, 2, 3, 2), t: ints(1, 2, 6, 4) },
    nodes: [node("Reshape", ["a", "s"], {}, "b"), node("Transpose", ["b"], { perm: [0, 3, 4, 1, 5, 2] }, "c"), node("Reshape", ["c", "t"])],
  },
];

export const slices: readonly OpCase[] = [
  {
    name: "two axes",
    operands: { a: [1, 3, 7, 5] },
    constants: { s: ints(1, 0), e: ints(6, 4), x: ints(2, 3) },
    nodes: [node("Slice", ["a", "s", "e", "x"])],
  },
  {
    name: "every third element",
    operands: { a: [1, 17] },
    constants: { s: ints(1), e: ints(INT64_MAX), x: ints(1), t: ints(3) },
    nodes: [node("Slice", ["a", "s", "e", "x", "t"])],
  },
  {
    name: "backwards, every other",
    operands: { a: [1, 10, 2] },
    constants: { s: ints(-1), e: ints(-INT64_MAX), x: ints(1), t: ints(-2) },
    nodes: [node("Slice", ["a", "s", "e", "x", "t"])],
  },
  {
    name: "backwards with both ends inside",
    operands: { a: [1, 10] },
    constants: { s: ints(8), e: ints(1), x: ints(-1), t: ints(-3) },
    nodes: [node("Slice", ["a", "s", "e", "x", "t"])],
  },
  {
    name: "ends beyond the input are cut",
    operands: { a: [1, 6] },
    constants: { s: ints(-100), e: ints(100), x: ints(1) },
    nodes: [node("Slice", ["a", "s", "e", "x"])],
  },
  { name: "axes left out", operands: { a: [2, 5] }, constants: { s: ints(1, 2), e: ints(2, 4) }, nodes: [node("Slice", ["a", "s", "e"])] },
  {
    name: "attributes, opset 9",
    opset: 9,
    operands: { a: [1, 6, 4] },
    nodes: [node("Slice", ["a"], { starts: [1, -3], ends: [5, 4], axes: [1, 2] })],
  },
  {
    name: "two slices of one value overlap",
    operands: { a: [1, 6] },
    constants: { s: ints(0), e: ints(4), x: ints(1), u: ints(2), f: ints(6) },
    nodes: [node("Slice", ["a", "s", "e", "x"], {}, "b"), node("Slice", ["a", "u", "f", "x"], {}, "c"), node("Mul", ["b", "c"])],
  },
];

export const pads: readonly OpCase[] = [
  {
    name: "two axes with a value",
    operands: { a: [1, 2, 3, 4] },
    constants: { p: ints(0, 0, 1, 2, 0, 0, 3, 0), v: scalar(0.7) },
    nodes: [node("Pad", ["a", "p", "v"])],
  },
  {
    name: "negative pads crop",
    operands: { a: [1, 2, 5, 4] },
    constants: { p: ints(0, 0, -1, 2, 0, 0, -2, -1) },
    nodes: [node("Pad", ["a", "p"])],
  },
  {
    name: "attributes, opset 2 form in opset 7",
    opset: 7,
    operands: { a: [1, 5] },
    nodes: [node("Pad", ["a"], { pads: [0, 1, 0, 2], value: -0.5, mode: "constant" })],
  },
  {
    name: "axes given, opset 18",
    opset: 18,
    operands: { a: [1, 2, 5] },
    constants: { p: ints(1, 2), v: scalar(0), x: ints(-1) },
    nodes: [node("Pad", ["a", "p", "v", "x"])],
  },
];

export const concats: readonly OpCase[] = [
  {
    name: "three along channels",
    operands: { a: [1, 2, 3, 4], b: [1, 3, 3, 4], c: [1, 1, 3, 4] },
    nodes: [node("Concat", ["a", "b", "c"], { axis: 1 })],
  },
  {
    name: "along the last axis, a negative one",
    operands: { a: [1, 3, 2], b: [1, 3, 5] },
    nodes: [node("Concat", ["a", "b"], { axis: -1 })],
  },
  {
    name: "with a constant between",
    operands: { a: [1, 2, 3], b: [1, 4, 3] },
    constants: { k: uniform([1, 3, 3]) },
    nodes: [node("Concat", ["a", "k", "b"], { axis: 1 })],
  },
  { name: "a value with itself", operands: { a: [1, 2, 3] }, nodes: [node("Concat", ["a", "a"], { axis: 2 })] },
  { name: "one input", operands: { a: [1, 2, 3] }, nodes: [node("Concat", ["a"], { axis: 1 })] },
];
