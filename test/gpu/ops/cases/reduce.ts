import { ints, node, uniform } from "./build.ts";
import type { OpCase } from "./build.ts";

export const reductions: readonly OpCase[] = ["ReduceSum", "ReduceMean"].flatMap((op): OpCase[] => [
  { name: `${op}: last axis`, opset: 18, operands: { a: [1, 5, 7] }, constants: { axes: ints(-1) }, nodes: [node(op, ["a", "axes"])] },
  {
    name: `${op}: axes apart, dropped`,
    opset: 18,
    operands: { a: [1, 3, 5, 7] },
    constants: { axes: ints(3, 1) },
    nodes: [node(op, ["a", "axes"], { keepdims: 0 })],
  },
  { name: `${op}: everything`, opset: 18, operands: { a: [1, 3, 5, 7] }, nodes: [node(op, ["a"], { keepdims: 0 })] },
  {
    name: `${op}: no axes and noop_with_empty_axes`,
    opset: 18,
    operands: { a: [1, 3, 5] },
    nodes: [node(op, ["a"], { noop_with_empty_axes: 1 })],
  },
  {
    name: `${op}: an axis of extent 1`,
    opset: 18,
    operands: { a: [1, 1, 5] },
    constants: { axes: ints(1) },
    nodes: [node(op, ["a", "axes"])],
  },
  {
    name: `${op}: 323 terms, more than a workgroup has lanes`,
    opset: 18,
    operands: { a: [1, 2, 17, 19] },
    constants: { axes: ints(2, 3) },
    nodes: [node(op, ["a", "axes"])],
  },
  { name: `${op}: axes as an attribute, opset 11`, opset: 11, operands: { a: [1, 3, 5] }, nodes: [node(op, ["a"], { axes: [1] })] },
  {
    name: `${op}: five axes, every other one`,
    opset: 18,
    operands: { a: [1, 2, 3, 4, 5] },
    constants: { axes: ints(0, 2, 4) },
    nodes: [node(op, ["a", "axes"])],
  },
]);

export const softmax: readonly OpCase[] = [
  { name: "last axis, 67 classes", operands: { a: [1, 67] }, nodes: [node("Softmax", ["a"])] },
  { name: "channel axis of a picture", operands: { a: [1, 5, 3, 4] }, nodes: [node("Softmax", ["a"], { axis: 1 })] },
  { name: "one class", operands: { a: [1, 3, 1] }, nodes: [node("Softmax", ["a"], { axis: -1 })] },
  {
    name: "scores up to 12 apart: e^12 and 1 − y lose bits",
    amplification: 32,
    operands: { a: [1, 9] },
    constants: { c: uniform([9], 3, 6) },
    nodes: [node("Mul", ["a", "c"], {}, "b"), node("Softmax", ["b"])],
  },
  { name: "opset 11 flattens from the axis on", opset: 11, operands: { a: [2, 3, 4] }, nodes: [node("Softmax", ["a"], { axis: 1 })] },
  { name: "opset 11, last axis", opset: 11, operands: { a: [1, 3, 4] }, nodes: [node("Softmax", ["a"], { axis: 2 })] },
  { name: "opset 7, default axis", opset: 7, operands: { a: [1, 3, 2, 2] }, nodes: [node("Softmax", ["a"])] },
  {
    name: "of a constant, times what depends on the input",
    operands: { a: [1, 9] },
    constants: { c: uniform([1, 9]) },
    nodes: [node("Softmax", ["c"], {}, "p"), node("Mul", ["a", "p"])],
  },
];

const parameters = (channels: number) => ({
  gamma: uniform([channels], 0.5, 2),
  beta: uniform([channels]),
  mean: uniform([channels]),
  variance: uniform([channels], 0.1, 2),
});
const normalised = (input: string, attributes: Record<string, number> = {}) =>
  node("BatchNormalization", [input, "gamma", "beta", "mean", "variance"], attributes);

export const normalisation: readonly OpCase[] = [
  { name: "of a picture", operands: { a: [1, 5, 3, 4] }, constants: parameters(5), nodes: [normalised("a")] },
  { name: "of a vector", operands: { a: [1, 7] }, constants: parameters(7), nodes: [normalised("a", { epsilon: 0.01 })] },
  { name: "of a sequence", operands: { a: [1, 3, 7] }, constants: parameters(3), nodes: [normalised("a")] },
  {
    name: "after a dense layer folds into it",
    operands: { a: [1, 5] },
    constants: { ...parameters(7), w: uniform([7, 5]), c: uniform([7]) },
    nodes: [node("Gemm", ["a", "w", "c"], { transB: 1 }, "b"), normalised("b")],
  },
  {
    name: "twice after one convolution that is also read elsewhere",
    operands: { a: [1, 3, 4, 4] },
    constants: { ...parameters(3), w: uniform([3, 3, 1, 1]) },
    nodes: [
      node("Conv", ["a", "w"], {}, "b"),
      { ...normalised("b"), outputs: ["c"] },
      node("Add", ["b", "c"], {}, "d"),
      { ...normalised("d"), outputs: ["out"] },
    ],
  },
  { name: "opset 9", opset: 9, operands: { a: [1, 5, 3, 4] }, constants: parameters(5), nodes: [normalised("a")] },
];
