import { node, uniform, weights } from "./build.ts";
import type { OpCase } from "./build.ts";

/** Weights [depth, width] of a dense layer. */
const dense = (...shape: number[]) => weights(shape, shape.at(-2));

export const products: readonly OpCase[] = [
  { name: "dense 67 → 33", operands: { a: [1, 67] }, constants: { w: dense(67, 33) }, nodes: [node("MatMul", ["a", "w"])] },
  {
    name: "65 rows to 66 columns: more than a tile both ways",
    operands: { a: [1, 65, 17] },
    constants: { w: dense(17, 66) },
    nodes: [node("MatMul", ["a", "w"])],
  },
  {
    name: "two rows to 131 columns: more than two tiles of 64, and one of 128",
    operands: { a: [1, 2, 5] },
    constants: { w: dense(5, 131) },
    nodes: [node("MatMul", ["a", "w"])],
  },
  {
    name: "sums in slices: bias, identity arm and clip; the adjoint carries a mask in its epilogue",
    operands: { a: [1, 13, 70] },
    constants: { w: dense(70, 70), b: uniform([70]), v: dense(70, 66), low: { shape: [], data: [-0.5] }, high: { shape: [], data: [0.5] } },
    nodes: [
      node("MatMul", ["a", "w"], {}, "p"),
      node("Add", ["p", "b"], {}, "q"),
      node("Add", ["q", "a"], {}, "r"),
      node("Clip", ["r", "low", "high"], {}, "s"),
      node("MatMul", ["s", "v"]),
    ],
  },
  {
    name: "sums in slices, both computed",
    operands: { a: [1, 3, 5, 70], b: [1, 3, 70, 6] },
    nodes: [node("MatMul", ["a", "b"])],
  },
  { name: "one column", operands: { a: [1, 5, 7] }, constants: { w: dense(7, 1) }, nodes: [node("MatMul", ["a", "w"])] },
  { name: "depth 1", operands: { a: [1, 5, 1] }, constants: { w: dense(1, 6) }, nodes: [node("MatMul", ["a", "w"])] },
  { name: "a constant of rank 1", operands: { a: [1, 5, 7] }, constants: { w: uniform([7]) }, nodes: [node("MatMul", ["a", "w"])] },
  {
    name: "a left operand of rank 1",
    operands: { a: [7] },
    constants: { w: dense(7, 5) },
    nodes: [node("MatMul", ["a", "w"])],
  },
  { name: "two vectors: a scalar product", operands: { a: [7], b: [7] }, nodes: [node("MatMul", ["a", "b"])] },
  { name: "a batch of constants", operands: { a: [1, 3, 5, 7] }, constants: { w: dense(3, 7, 6) }, nodes: [node("MatMul", ["a", "w"])] },
  {
    name: "a constant on the left",
    operands: { b: [1, 7, 6] },
    constants: { w: dense(5, 7) },
    nodes: [node("MatMul", ["w", "b"])],
  },
  {
    name: "both computed, batch axes equal, width not divisible by 4",
    operands: { a: [1, 3, 5, 7], b: [1, 3, 7, 6] },
    nodes: [node("MatMul", ["a", "b"])],
  },
  { name: "both computed, width divisible by 4", operands: { a: [1, 2, 3, 5], b: [1, 2, 5, 8] }, nodes: [node("MatMul", ["a", "b"])] },
  { name: "both computed, one matrix on the right", operands: { a: [1, 3, 5, 7], b: [1, 7, 6] }, nodes: [node("MatMul", ["a", "b"])] },
  { name: "both computed, one matrix on the left", operands: { a: [1, 5, 7], b: [1, 3, 7, 6] }, nodes: [node("MatMul", ["a", "b"])] },
  {
    name: "batch axes broadcast against each other",
    operands: { a: [1, 2, 1, 5, 7], b: [1, 1, 3, 7, 6] },
    nodes: [node("MatMul", ["a", "b"])],
  },
  {
    name: "a matrix times its own transpose, then softmax: attention",
    operands: { a: [1, 2, 5, 3] },
    nodes: [
      node("Transpose", ["a"], { perm: [0, 1, 3, 2] }, "t"),
      node("MatMul", ["a", "t"], {}, "p"),
      node("Softmax", ["p"], { axis: -1 }, "s"),
      node("MatMul", ["s", "a"]),
    ],
  },
  {
    name: "bias and ReLU in the epilogue",
    operands: { a: [1, 9] },
    constants: { w: dense(9, 37), b: uniform([37]) },
    nodes: [node("MatMul", ["a", "w"], {}, "p"), node("Add", ["p", "b"], {}, "q"), node("Relu", ["q"])],
  },
  {
    name: "two dense layers: the adjoint carries a mask in its epilogue",
    operands: { a: [1, 3, 9] },
    constants: { w: dense(9, 37), b: uniform([37]), v: dense(37, 6), low: { shape: [], data: [-0.5] }, high: { shape: [], data: [0.5] } },
    nodes: [
      node("MatMul", ["a", "w"], {}, "p"),
      node("Add", ["b", "p"], {}, "q"),
      node("Clip", ["q", "low", "high"], {}, "r"),
      node("MatMul", ["r", "v"], {}, "s"),
      node("Relu", ["s"]),
    ],
  },
  {
    name: "a scale per column folds into the weights, a scale per row does not",
    operands: { a: [1, 4, 5] },
    constants: { w: dense(5, 4), s: uniform([4], 0.5, 2), t: uniform([4, 1], 0.5, 2) },
    nodes: [
      node("MatMul", ["a", "w"], {}, "p"),
      node("Div", ["p", "s"], {}, "q"),
      node("Mul", ["q", "t"], {}, "r"),
      node("Sub", ["r", "s"]),
    ],
  },
];

export const gemms: readonly OpCase[] = [
  {
    name: "transB, bias",
    operands: { a: [1, 67] },
    constants: { w: weights([33, 67]), c: uniform([33]) },
    nodes: [node("Gemm", ["a", "w", "c"], { transB: 1 })],
  },
  {
    name: "transA: a sample of 7 rows turned",
    operands: { a: [7, 5] },
    constants: { w: dense(7, 6) },
    nodes: [node("Gemm", ["a", "w"], { transA: 1 })],
  },
  {
    name: "alpha, beta and a C that broadcasts along columns",
    operands: { a: [3, 7] },
    constants: { w: dense(7, 6), c: uniform([3, 1]) },
    nodes: [node("Gemm", ["a", "w", "c"], { alpha: 0.5, beta: -2 })],
  },
  {
    name: "a scalar C",
    operands: { a: [1, 7] },
    constants: { w: dense(7, 5), c: { shape: [], data: [0.25] } },
    nodes: [node("Gemm", ["a", "w", "c"])],
  },
  {
    name: "beta 0 leaves C out",
    operands: { a: [1, 7] },
    constants: { w: dense(7, 5), c: uniform([5]) },
    nodes: [node("Gemm", ["a", "w", "c"], { beta: 0 })],
  },
  {
    name: "all three computed, both transposed",
    operands: { a: [5, 3], b: [6, 5], c: [1, 6] },
    nodes: [node("Gemm", ["a", "b", "c"], { transA: 1, transB: 1, alpha: 2, beta: 0.5 })],
  },
  {
    name: "three layers with ReLU",
    operands: { a: [1, 13] },
    constants: { u: weights([70, 13]), b: uniform([70]), v: weights([66, 70]), c: uniform([66]), w: weights([10, 66]), d: uniform([10]) },
    nodes: [
      node("Gemm", ["a", "u", "b"], { transB: 1 }, "p"),
      node("Relu", ["p"], {}, "q"),
      node("Gemm", ["q", "v", "c"], { transB: 1 }, "r"),
      node("Relu", ["r"], {}, "s"),
      node("Gemm", ["s", "w", "d"], { transB: 1 }),
    ],
  },
  {
    name: "a residual block of dense layers",
    operands: { a: [1, 3, 13] },
    constants: { u: dense(13, 34), b: uniform([34]), v: dense(34, 13), c: uniform([13]) },
    nodes: [
      node("MatMul", ["a", "u"], {}, "p"),
      node("Add", ["p", "b"], {}, "q"),
      node("Relu", ["q"], {}, "r"),
      node("MatMul", ["r", "v"], {}, "s"),
      node("Add", ["c", "s"], {}, "t"),
      node("Add", ["a", "t"], {}, "z"),
      node("Relu", ["z"]),
    ],
  },
  {
    name: "opset 7",
    opset: 7,
    operands: { a: [1, 7] },
    constants: { w: dense(7, 5), c: uniform([5]) },
    nodes: [node("Gemm", ["a", "w", "c"])],
  },
];
