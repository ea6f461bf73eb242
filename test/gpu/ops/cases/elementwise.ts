import { node, scalar, uniform } from "./build.ts";
import type { OpCase } from "./build.ts";

export const unary: readonly OpCase[] = [
  ...["Relu", "Sigmoid", "Tanh", "Exp", "Neg"].map((op): OpCase => ({
    name: `${op}, 35 elements`,
    operands: { a: [1, 5, 7] },
    nodes: [node(op, ["a"])],
  })),
  { name: "Log of positive numbers", operands: { a: { shape: [1, 5, 7], positive: true } }, nodes: [node("Log", ["a"])] },
  { name: "Relu of a single element", operands: { a: [1, 1] }, nodes: [node("Relu", ["a"])] },
  { name: "Relu, opset 6", opset: 6, operands: { a: [1, 7] }, nodes: [node("Relu", ["a"])], notInOrt: "onnxruntime starts at opset 7" },
  {
    name: "Clip by attributes, opset 6",
    opset: 6,
    operands: { a: [1, 37] },
    nodes: [node("Clip", ["a"], { min: -0.25, max: 0.5 })],
    notInOrt: "onnxruntime starts at opset 7",
  },
  { name: "Clip by attributes, opset 10", opset: 10, operands: { a: [1, 37] }, nodes: [node("Clip", ["a"], { min: -0.25, max: 0.5 })] },
  {
    name: "Clip by inputs",
    operands: { a: [1, 37] },
    constants: { low: scalar(-0.25), high: scalar(0.5) },
    nodes: [node("Clip", ["a", "low", "high"])],
  },
  { name: "Clip from below only", operands: { a: [1, 37] }, constants: { low: scalar(-0.25) }, nodes: [node("Clip", ["a", "low"])] },
  {
    name: "Clip from above only, the minimum left out",
    operands: { a: [1, 37] },
    constants: { high: scalar(0.5) },
    nodes: [node("Clip", ["a", "", "high"])],
  },
  { name: "Clip without a range", operands: { a: [1, 37] }, nodes: [node("Clip", ["a"])] },
  {
    name: "Clip after Relu after Clip",
    operands: { a: [1, 37] },
    constants: { low: scalar(-0.25), high: scalar(0.5) },
    nodes: [node("Clip", ["a", "low"], {}, "b"), node("Relu", ["b"], {}, "c"), node("Clip", ["c", "", "high"])],
  },
  {
    name: "Sigmoid of Exp of Tanh",
    operands: { a: [1, 37] },
    nodes: [node("Tanh", ["a"], {}, "b"), node("Exp", ["b"], {}, "c"), node("Sigmoid", ["c"])],
  },
];

/** Shapes that broadcast, and why. */
const pairs: readonly { name: string; a: number[]; b: number[] }[] = [
  { name: "equal shapes, 105 elements", a: [1, 3, 5, 7], b: [1, 3, 5, 7] },
  { name: "one number per channel", a: [1, 3, 5, 7], b: [1, 3, 1, 1] },
  { name: "each repeats what the other has", a: [1, 1, 5, 1], b: [1, 3, 1, 7] },
  { name: "ranks differ", a: [1, 3, 4], b: [4] },
  { name: "the first has the lower rank", a: [3, 1], b: [1, 2, 3, 5] },
  { name: "a scalar", a: [1, 3, 5], b: [] },
  { name: "a longer shape of the same size", a: [3], b: [1, 1, 3] },
  { name: "outer and inner axes repeat", a: [1, 2, 3, 4], b: [1, 1, 3, 1] },
];

const positive = (shape: readonly number[]) => ({ shape, positive: true }) as const;

export const binary: readonly OpCase[] = ["Add", "Sub", "Mul", "Div"].flatMap((op) => [
  ...pairs.map(({ name, a, b }): OpCase => ({ name: `${op}: ${name}`, operands: { a, b: positive(b) }, nodes: [node(op, ["a", "b"])] })),
  {
    name: `${op}: a constant on the left, one per channel`,
    operands: { a: positive([1, 3, 5]) },
    constants: { c: uniform([3, 1]) },
    nodes: [node(op, ["c", "a"])],
  },
  {
    name: `${op}: a constant on the right that widens`,
    operands: { a: [1, 3, 1] },
    constants: { c: uniform([2, 1, 5], 0.5, 1.5) },
    nodes: [node(op, ["a", "c"])],
  },
  {
    name: `${op}: a constant of higher rank, then axes exchanged`,
    operands: { a: [4] },
    constants: { c: uniform([1, 1, 4], 0.5, 1.5) },
    nodes: [node(op, ["a", "c"], {}, "d"), node("Transpose", ["d"], { perm: [2, 0, 1] })],
  },
  { name: `${op}: a value with itself`, operands: { a: positive([1, 7]) }, nodes: [node(op, ["a", "a"])] },
  {
    name: `${op}: Relu in the epilogue`,
    operands: { a: [1, 3, 5, 3], b: positive([1, 3, 1, 1]) },
    nodes: [node(op, ["a", "b"], {}, "c"), node("Relu", ["c"])],
  },
  {
    name: `${op}: Clip in the epilogue, constant operand`,
    operands: { a: [1, 31] },
    constants: { c: uniform([31], 0.5, 1.5), low: scalar(-0.5), high: scalar(0.25) },
    nodes: [node(op, ["a", "c"], {}, "d"), node("Clip", ["d", "low", "high"])],
  },
]);

export const extrema: readonly OpCase[] = [
  ...["Max", "Min", "Pow"].flatMap((op) =>
    pairs.map(({ name, a, b }): OpCase => ({
      name: `${op}: ${name}`,
      amplification: 4,
      operands: { a: positive(a), b: positive(b) },
      nodes: [node(op, ["a", "b"])],
    })),
  ),
  ...["Max", "Min"].map((op): OpCase => ({
    name: `${op} with a constant`,
    operands: { a: [1, 3, 5] },
    constants: { c: uniform([3, 1]) },
    nodes: [node(op, ["c", "a"])],
  })),
];

export const special: readonly OpCase[] = [
  {
    name: "eight axes, all broadcast",
    operands: { a: [1, 2, 1, 2, 1, 2, 1, 2], b: [1, 1, 2, 1, 3, 1, 2, 1] },
    nodes: [node("Mul", ["a", "b"])],
  },
  {
    name: "opset 6: b starts at the axis given",
    opset: 6,
    operands: { a: [1, 3, 4, 5], b: [3, 4] },
    nodes: [node("Mul", ["a", "b"], { broadcast: 1, axis: 1 })],
    notInOrt: "onnxruntime starts at opset 7",
  },
  {
    name: "opset 6: b aligned at the end",
    opset: 6,
    operands: { a: [1, 3, 4, 5], b: [4, 5] },
    nodes: [node("Add", ["a", "b"], { broadcast: 1 })],
    notInOrt: "onnxruntime starts at opset 7",
  },
  {
    name: "a residual: what is added was used before",
    operands: { a: [1, 9] },
    nodes: [node("Tanh", ["a"], {}, "b"), node("Mul", ["a", "b"], {}, "c"), node("Add", ["c", "a"], {}, "d"), node("Relu", ["d"])],
  },
  { name: "Identity and Dropout hand on", operands: { a: [1, 9] }, nodes: [node("Identity", ["a"], {}, "b"), node("Dropout", ["b"])] },
  {
    name: "constants among themselves",
    operands: { a: [1, 4] },
    constants: { c: uniform([4]), d: uniform([1, 4]) },
    nodes: [node("Mul", ["c", "d"], {}, "e"), node("Exp", ["e"], {}, "f"), node("Add", ["a", "f"])],
  },
];
