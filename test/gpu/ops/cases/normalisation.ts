import { node, uniform } from "./build.ts";
import type { OpCase, RandomConstant } from "./build.ts";
import type { TestNode } from "../../../reference/model.ts";

/** Layer normalisation written out over the last axes, as exporters do up to opset 16. */
function written(x: string, axes: readonly number[], out: string, twice = false): TestNode[] {
  return [
    node("ReduceMean", [x], { axes, keepdims: 1 }, `${out}mean`),
    node("Sub", [x, `${out}mean`], {}, `${out}centred`),
    ...(twice ? [node("Sub", [x, `${out}mean`], {}, `${out}again`)] : []),
    node("Mul", twice ? [`${out}again`, `${out}again`] : [`${out}centred`, `${out}centred`], {}, `${out}square`),
    node("ReduceMean", [`${out}square`], { axes, keepdims: 1 }, `${out}variance`),
    node("Add", [`${out}variance`, "epsilon"], {}, `${out}shifted`),
    node("Sqrt", [`${out}shifted`], {}, `${out}deviation`),
    node("Div", [`${out}centred`, `${out}deviation`], {}, out),
  ];
}

const epsilon: RandomConstant = uniform([1], 1e-3, 1e-3);

export const standardised: readonly OpCase[] = [
  {
    name: "layer normalisation of 7 elements with its affine map",
    opset: 13,
    operands: { a: [1, 5, 7] },
    constants: { epsilon, gamma: uniform([7], 0.5, 2), beta: uniform([7]) },
    nodes: [...written("a", [-1], "y"), node("Mul", ["gamma", "y"], {}, "z"), node("Add", ["z", "beta"])],
  },
  {
    name: "300 elements, the difference taken twice, in the middle of a graph",
    opset: 13,
    operands: { a: [1, 3, 300] },
    constants: { epsilon, w: uniform([300], 0.5, 2) },
    nodes: [node("Mul", ["a", "w"], {}, "b"), ...written("b", [2], "y", true), node("Mul", ["y", "b"], {}, "z"), node("Tanh", ["z"])],
  },
  {
    name: "over two axes",
    opset: 13,
    operands: { a: [1, 3, 4, 5] },
    constants: { epsilon },
    nodes: [...written("a", [2, 3], "y"), node("Mul", ["y", "a"])],
  },
  {
    name: "over an axis that is not the last stays as it is written",
    opset: 13,
    operands: { a: [1, 3, 4, 5] },
    constants: { epsilon },
    nodes: [...written("a", [1], "y"), node("Mul", ["y", "a"])],
  },
];

/** x · ½ · (1 + erf(x / √2)) with its factors in the given order. */
function writtenGelu(x: string, out: string, order: "outer" | "inner" | "first"): TestNode[] {
  const erf = [
    node("Div", [x, "rootTwo"], {}, `${out}q`),
    node("Erf", [`${out}q`], {}, `${out}e`),
    node("Add", [`${out}e`, "one"], {}, `${out}s`),
  ];
  if (order === "outer") return [...erf, node("Mul", [x, `${out}s`], {}, `${out}p`), node("Mul", [`${out}p`, "half"], {}, out)];
  if (order === "inner") return [...erf, node("Mul", [`${out}s`, "half"], {}, `${out}p`), node("Mul", [x, `${out}p`], {}, out)];
  return [...erf, node("Mul", ["half", x], {}, `${out}p`), node("Mul", [`${out}p`, `${out}s`], {}, out)];
}

export const gelu: readonly OpCase[] = (["outer", "inner", "first"] as const).map((order) => ({
  name: `GELU written out, ½ ${order}`,
  opset: 13,
  operands: { a: [1, 4, 9] },
  constants: { rootTwo: uniform([], Math.SQRT2, Math.SQRT2), one: uniform([], 1, 1), half: uniform([], 0.5, 0.5) },
  nodes: [...writtenGelu("a", "g", order), node("Mul", ["g", "a"])],
}));

export const affine: readonly OpCase[] = [
  {
    name: "a scale, a shift and a ReLU of every channel",
    operands: { a: [1, 5, 3, 4] },
    constants: { s: uniform([5, 1, 1], 0.5, 2), t: uniform([5, 1, 1]) },
    nodes: [node("Mul", ["a", "s"], {}, "b"), node("Add", ["b", "t"], {}, "c"), node("Relu", ["c"], {}, "d"), node("Mul", ["d", "a"])],
  },
  {
    name: "constants of different shapes, clipped",
    operands: { a: [1, 5, 3, 4] },
    constants: { s: uniform([3, 1], 0.5, 2), t: uniform([1, 5, 1, 4]), low: uniform([], -0.4, -0.4), high: uniform([], 0.5, 0.5) },
    nodes: [node("Mul", ["s", "a"], {}, "b"), node("Add", ["t", "b"], {}, "c"), node("Clip", ["c", "low", "high"])],
  },
  {
    name: "a product that grows by its constant stays as it is",
    operands: { a: [1, 1, 4] },
    constants: { s: uniform([3, 1], 0.5, 2), t: uniform([3, 4]) },
    nodes: [node("Mul", ["a", "s"], {}, "b"), node("Add", ["b", "t"])],
  },
];
