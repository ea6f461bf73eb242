import { ints, node, scalar, uniform } from "./build.ts";
import type { OpCase } from "./build.ts";

const positive = (shape: readonly number[]) => ({ shape, positive: true }) as const;

export const extremes: readonly OpCase[] = [
  ...["ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"].flatMap((op): OpCase[] => [
    {
      name: `${op}: axes apart, dropped`,
      opset: 18,
      operands: { a: [1, 3, 5, 2] },
      constants: { axes: ints(1, 3) },
      nodes: [node(op, ["a", "axes"], { keepdims: 0 })],
    },
    {
      name: `${op}: 323 terms, more than a workgroup has lanes`,
      opset: 18,
      operands: { a: [1, 2, 17, 19] },
      constants: { axes: ints(2, 3) },
      nodes: [node(op, ["a", "axes"])],
    },
  ]),
  ...["ReduceProd", "ReduceLogSum"].map((op): OpCase => ({
    name: `${op} of positive numbers`,
    opset: 18,
    operands: { a: positive([1, 3, 5]) },
    constants: { axes: ints(1) },
    nodes: [node(op, ["a", "axes"])],
  })),
  {
    name: "ReduceProd: 288 factors",
    amplification: 8,
    opset: 18,
    operands: { a: [1, 288] },
    constants: { c: scalar(0.01), one: scalar(1) },
    nodes: [node("Mul", ["a", "c"], {}, "b"), node("Add", ["b", "one"], {}, "d"), node("ReduceProd", ["d"])],
  },
  { name: "ReduceMax, opset 11", opset: 11, operands: { a: [1, 3, 5] }, nodes: [node("ReduceMax", ["a"], { axes: [-1] })] },
  { name: "GlobalMaxPool", operands: { a: [1, 3, 4, 5] }, nodes: [node("GlobalMaxPool", ["a"])] },
  {
    name: "LpPool",
    opset: 18,
    operands: { a: positive([1, 3, 6, 5]) },
    nodes: [node("LpPool", ["a"], { kernel_shape: [3, 2], strides: [2, 1] })],
  },
  { name: "LogSoftmax, last axis", operands: { a: [1, 3, 17] }, nodes: [node("LogSoftmax", ["a"])] },
  { name: "LogSoftmax over channels", operands: { a: [1, 5, 2, 3] }, nodes: [node("LogSoftmax", ["a"], { axis: 1 })] },
  {
    name: "ArgMax and ArgMin as numbers, beside what they point into",
    operands: { a: [1, 5, 3] },
    nodes: [
      node("ArgMax", ["a"], { axis: 1 }, "i"),
      node("ArgMin", ["a"], { axis: -1, keepdims: 1, select_last_index: 1 }, "j"),
      node("Cast", ["i"], { to: 1 }, "k"),
      node("Cast", ["j"], { to: 1 }, "l"),
      node("Mul", ["a", "k"], {}, "m"),
      node("Add", ["m", "l"]),
    ],
  },
  {
    name: "TopK, the three largest",
    operands: { a: [1, 11, 2] },
    constants: { k: ints(3) },
    nodes: [{ ...node("TopK", ["a", "k"], { axis: 1 }), outputs: ["out", "where"] }],
  },
  {
    name: "TopK, the four smallest of the last axis",
    operands: { a: [1, 2, 9] },
    constants: { k: ints(4) },
    nodes: [{ ...node("TopK", ["a", "k"], { largest: 0 }), outputs: ["out", "where"] }],
  },
];

export const gathers: readonly OpCase[] = [
  {
    name: "Gather, indices in no order, one twice",
    operands: { a: [1, 5, 3] },
    constants: { i: ints(4, 0, 2, 4) },
    nodes: [node("Gather", ["a", "i"], { axis: 1 })],
  },
  {
    name: "Gather of one index, counted from the end",
    operands: { a: [1, 5, 3] },
    constants: { i: { shape: [], data: [-2], type: "int64" } },
    nodes: [node("Gather", ["a", "i"], { axis: 1 })],
  },
  {
    name: "Gather of an even run is a slice",
    operands: { a: [1, 7] },
    constants: { i: ints(1, 3, 5) },
    nodes: [node("Gather", ["a", "i"], { axis: 1 })],
  },
  {
    name: "GatherElements",
    operands: { a: [1, 2, 3] },
    constants: { i: { shape: [1, 2, 2], data: [2, 0, 1, 1], type: "int64" } },
    nodes: [node("GatherElements", ["a", "i"], { axis: 2 })],
  },
  {
    name: "Pad by reflection",
    operands: { a: [1, 2, 4, 5] },
    constants: { p: ints(0, 0, 2, 1, 0, 0, 1, 3) },
    nodes: [node("Pad", ["a", "p"], { mode: "reflect" })],
  },
  {
    name: "Pad by the edge",
    operands: { a: [1, 2, 3, 4] },
    constants: { p: ints(0, 0, 2, 0, 0, 0, 1, 3) },
    nodes: [node("Pad", ["a", "p"], { mode: "edge" })],
  },
  {
    name: "Pad around, opset 19",
    opset: 19,
    operands: { a: [1, 2, 5] },
    constants: { p: ints(0, 0, 2, 0, 0, 3) },
    nodes: [node("Pad", ["a", "p"], { mode: "wrap" })],
  },
  {
    name: "Resize, nearest",
    operands: { a: [1, 2, 3, 4] },
    constants: { s: { shape: [4], data: [1, 1, 2, 3] } },
    nodes: [node("Resize", ["a", "", "s"])],
  },
  {
    name: "Resize, linear, up",
    operands: { a: [1, 2, 3, 4] },
    constants: { s: { shape: [4], data: [1, 1, 2, 1.5] } },
    nodes: [node("Resize", ["a", "", "s"], { mode: "linear" })],
  },
  {
    name: "Resize, linear, down",
    operands: { a: [1, 1, 6, 8] },
    constants: { s: { shape: [4], data: [1, 1, 0.5, 0.75] } },
    nodes: [node("Resize", ["a", "", "s"], { mode: "linear" })],
  },
  { name: "CumSum", operands: { a: [1, 3, 7] }, constants: { x: ints(-1) }, nodes: [node("CumSum", ["a", "x"])] },
  { name: "Expand", operands: { a: [1, 3, 1] }, constants: { s: ints(2, 3, 4) }, nodes: [node("Expand", ["a", "s"])] },
  { name: "Tile two axes", operands: { a: [1, 2, 3] }, constants: { r: ints(1, 3, 2) }, nodes: [node("Tile", ["a", "r"])] },
  { name: "DepthToSpace", operands: { a: [1, 8, 2, 3] }, nodes: [node("DepthToSpace", ["a"], { blocksize: 2 })] },
  {
    name: "DepthToSpace, columns first",
    operands: { a: [1, 8, 2, 3] },
    nodes: [node("DepthToSpace", ["a"], { blocksize: 2, mode: "CRD" })],
  },
  { name: "Trilu, lower", operands: { a: [1, 4, 4] }, nodes: [node("Trilu", ["a"], { upper: 0 })] },
  {
    name: "an output that reads a constant only in part",
    operands: { a: [1, 3] },
    constants: { c: uniform([1, 3]) },
    nodes: [node("ReduceMax", ["c"], { axes: [1] }, "m"), node("Mul", ["a", "m"])],
    opset: 13,
  },
];
