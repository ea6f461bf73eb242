import { node, scalar, uniform } from "./build.ts";
import type { OpCase } from "./build.ts";

const positive = (shape: readonly number[] = [1, 5, 7]) => ({ shape, positive: true }) as const;

/** Functions of any argument, of arguments above ½, and with coefficients. */
export const functions: readonly OpCase[] = [
  ...[
    "Abs",
    "Sign",
    "Erf",
    "Elu",
    "Selu",
    "Celu",
    "LeakyRelu",
    "Softplus",
    "Softsign",
    "Sin",
    "Cos",
    "Tan",
    "Atan",
    "Sinh",
    "Cosh",
    "Asinh",
  ].map((op): OpCase => ({ name: op, operands: { a: [1, 5, 7] }, nodes: [node(op, ["a"])] })),
  ...["Sqrt", "Reciprocal"].map((op): OpCase => ({ name: op, operands: { a: positive() }, nodes: [node(op, ["a"])] })),
  ...["Floor", "Ceil", "Round"].map((op): OpCase => ({
    name: `${op} of numbers up to 5, beside them`,
    operands: { a: [1, 35] },
    constants: { c: scalar(5) },
    nodes: [node("Mul", ["a", "c"], {}, "b"), node(op, ["b"], {}, "d"), node("Mul", ["d", "a"])],
  })),
  ...["Asin", "Acos", "Atanh"].map((op): OpCase => ({
    name: `${op} of numbers up to 0.9`,
    amplification: 8,
    operands: { a: [1, 35] },
    constants: { c: scalar(0.9) },
    nodes: [node("Mul", ["a", "c"], {}, "b"), node(op, ["b"])],
  })),
  {
    name: "Acosh of numbers above 1.1",
    amplification: 8,
    operands: { a: positive() },
    constants: { c: scalar(0.6) },
    nodes: [node("Add", ["a", "c"], {}, "b"), node("Acosh", ["b"])],
  },
  { name: "Gelu, whose slope passes through 0", amplification: 64, opset: 20, operands: { a: [1, 35] }, nodes: [node("Gelu", ["a"])] },
  {
    name: "Gelu by tanh, whose slope passes through 0",
    amplification: 64,
    opset: 20,
    operands: { a: [1, 35] },
    nodes: [node("Gelu", ["a"], { approximate: "tanh" })],
  },
  { name: "Mish", amplification: 4, opset: 18, operands: { a: [1, 35] }, nodes: [node("Mish", ["a"])] },
  {
    name: "Swish with alpha",
    opset: 24,
    operands: { a: [1, 35] },
    nodes: [node("Swish", ["a"], { alpha: 1.5 })],
    notInOrt: "Swish is newer",
  },
  { name: "HardSigmoid with coefficients", operands: { a: [1, 35] }, nodes: [node("HardSigmoid", ["a"], { alpha: 0.75, beta: 0.4 })] },
  {
    name: "HardSwish of numbers up to 5",
    operands: { a: [1, 35] },
    constants: { c: scalar(5) },
    nodes: [node("Mul", ["a", "c"], {}, "b"), node("HardSwish", ["b"])],
  },
  {
    name: "Elu, Selu and Celu with coefficients",
    operands: { a: [1, 35] },
    nodes: [
      node("Elu", ["a"], { alpha: 0.7 }, "b"),
      node("Selu", ["b"], { alpha: 1.3, gamma: 1.1 }, "c"),
      node("Celu", ["c"], { alpha: 0.8 }),
    ],
  },
  { name: "ThresholdedRelu", operands: { a: [1, 35] }, nodes: [node("ThresholdedRelu", ["a"], { alpha: 0.3 })] },
  { name: "Shrink", operands: { a: [1, 35] }, nodes: [node("Shrink", ["a"], { lambd: 0.3, bias: 0.2 })] },
  {
    name: "PRelu, a slope per channel",
    operands: { a: [1, 3, 4, 2] },
    constants: { s: uniform([3, 1, 1], 0.1, 0.9) },
    nodes: [node("PRelu", ["a", "s"])],
  },
  {
    name: "PRelu, one slope",
    operands: { a: [1, 3, 4, 2] },
    constants: { s: { shape: [1], data: [0.3] } },
    nodes: [node("PRelu", ["a", "s"])],
  },
];

export const powers: readonly OpCase[] = [
  ...[2, 3, 0.5, -0.5, -1, 1, 1.7, -2.5].map((p): OpCase => ({
    name: `Pow ${p}`,
    operands: { a: positive() },
    constants: { p: scalar(p) },
    nodes: [node("Pow", ["a", "p"])],
  })),
  { name: "Pow 5 of either sign", operands: { a: [1, 35] }, constants: { p: scalar(5) }, nodes: [node("Pow", ["a", "p"])] },
  { name: "Pow of two operands that broadcast", operands: { a: positive([1, 5, 1]), b: [1, 5, 7] }, nodes: [node("Pow", ["a", "b"])] },
];

export const choices: readonly OpCase[] = [
  {
    name: "Max of three that broadcast",
    operands: { a: [1, 3, 5], b: positive([1, 1, 5]) },
    constants: { c: uniform([3, 1]) },
    nodes: [node("Max", ["a", "b", "c"])],
  },
  { name: "Min with a constant", operands: { a: [1, 3, 5] }, constants: { c: scalar(0.1) }, nodes: [node("Min", ["a", "c"])] },
  { name: "Min of two", operands: { a: [1, 3, 5], b: positive([1, 3, 5]) }, nodes: [node("Min", ["a", "b"])] },
  {
    name: "Sum and Mean of three",
    operands: { a: [1, 7], b: [1, 7], c: [7] },
    nodes: [node("Sum", ["a", "b", "c"], {}, "d"), node("Mean", ["d", "a", "b"])],
  },
  {
    name: "Where by a comparison",
    operands: { a: [1, 3, 5], b: positive([1, 1, 5]) },
    nodes: [node("Greater", ["a", "b"], {}, "c"), node("Where", ["c", "a", "b"])],
  },
  {
    name: "Where by a constant that widens",
    operands: { a: [1, 1, 5], b: [1, 3, 1] },
    constants: { z: uniform([3, 5]), t: scalar(0) },
    nodes: [node("Less", ["z", "t"], {}, "c"), node("Where", ["c", "a", "b"])],
  },
  {
    name: "truth values: and, or, xor, not, cast",
    operands: { a: [1, 17], b: positive([1, 17]) },
    nodes: [
      node("GreaterOrEqual", ["a", "b"], {}, "p"),
      node("Less", ["a", "half"], {}, "q"),
      node("LessOrEqual", ["b", "half"], {}, "r"),
      node("And", ["p", "q"], {}, "s"),
      node("Or", ["s", "r"], {}, "t"),
      node("Xor", ["t", "p"], {}, "u"),
      node("Not", ["u"], {}, "v"),
      node("Equal", ["v", "p"], {}, "w"),
      node("Cast", ["w"], { to: 1 }, "x"),
      node("Mul", ["x", "a"], {}, "y"),
      node("Add", ["y", "b"]),
    ],
  },
];
