/**
 * Networks whose attacks have answers on paper. Letters are those under which the cases are known in this project's tests:
 * A four affine classes, B a sigmoid layer, C a parabola, D one direction, E a normal along the diagonal, F channel means.
 */
import type { Model } from "../../../src/index.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import type { TestModel } from "../../reference/model.ts";
import { sharedEngine } from "../engine.ts";

export async function load(model: TestModel): Promise<Model> {
  return (await sharedEngine()).load(encodeModel(model, { symbolicBatch: "N" }), { name: "closed form" });
}

/** Logits x·W + b of a single vector input. */
export function affine(weights: readonly (readonly number[])[], biases: readonly number[]): TestModel {
  const inputs = weights[0]!.length;
  return {
    opset: 13,
    inputs: [{ name: "x", shape: [1, inputs] }],
    nodes: [{ op: "Gemm", inputs: ["x", "w", "b"], outputs: ["y"], attributes: { transB: 1 } }],
    constants: {
      w: { shape: [weights.length, inputs], data: weights.flat() },
      b: { shape: [biases.length], data: biases },
    },
    outputs: ["y"],
  };
}

/** A: the nearest boundary from (0.5, −0.25) is class 1 in l2 and class 3 in l∞. */
export const fourClasses = affine(
  [
    [0, 0],
    [3, 4],
    [5, 0],
    [3.6, 3.6],
  ],
  [0, -1.5, -3.6, -1.92],
);

/** B: h = sigmoid(x W1), logits h W2. */
export const sigmoidLayer: TestModel = {
  opset: 13,
  inputs: [{ name: "x", shape: [1, 2] }],
  nodes: [
    { op: "MatMul", inputs: ["x", "w1"], outputs: ["a"] },
    { op: "Sigmoid", inputs: ["a"], outputs: ["h"] },
    { op: "MatMul", inputs: ["h", "w2"], outputs: ["y"] },
  ],
  constants: {
    w1: { shape: [2, 2], data: [1.5, 0.3, -2, 0.3] },
    w2: { shape: [2, 2], data: [-2.4, 1.2, 0.5, -2.3] },
  },
  outputs: ["y"],
};

/** C: logits (x², 1): the boundary is x = 1. */
export const parabola: TestModel = {
  opset: 13,
  inputs: [{ name: "x", shape: [1, 1] }],
  nodes: [
    { op: "Mul", inputs: ["x", "x"], outputs: ["square"] },
    { op: "Mul", inputs: ["x", "zero"], outputs: ["nothing"] },
    { op: "Add", inputs: ["nothing", "one"], outputs: ["constant"] },
    { op: "Concat", inputs: ["square", "constant"], outputs: ["y"], attributes: { axis: 1 } },
  ],
  constants: { zero: { shape: [1], data: [0] }, one: { shape: [1], data: [1] } },
  outputs: ["y"],
};

/** D: logits (0, u·x), u = (0.6, 0.8). */
export const oneDirection = affine(
  [
    [0, 0],
    [0.6, 0.8],
  ],
  [0, 0],
);

/** E: w = 1/d, z = w·x − 0.5, logits (−z, z, −1, −2). */
export function diagonal(d: number): TestModel {
  const row = (value: number) => Array<number>(d).fill(value / d);
  return affine([row(-1), row(1), row(0), row(0)], [0.5, -0.5, -1, -2]);
}

/** F: logits are the means of the channels. */
export function channelMeans(channels: number, side: number): TestModel {
  return {
    opset: 13,
    inputs: [{ name: "x", shape: [1, channels, side, side] }],
    nodes: [
      { op: "GlobalAveragePool", inputs: ["x"], outputs: ["m"] },
      { op: "Flatten", inputs: ["m"], outputs: ["y"] },
    ],
    constants: {},
    outputs: ["y"],
  };
}

/** Logits (√x, 1), which are NaN where x < 0. */
export const rootNetwork: TestModel = {
  opset: 13,
  inputs: [{ name: "x", shape: [1, 1] }],
  nodes: [
    { op: "Sqrt", inputs: ["x"], outputs: ["root"] },
    { op: "Abs", inputs: ["x"], outputs: ["size"] },
    { op: "Mul", inputs: ["size", "zero"], outputs: ["flat"] },
    { op: "Add", inputs: ["flat", "one"], outputs: ["constant"] },
    { op: "Concat", inputs: ["root", "constant"], outputs: ["y"], attributes: { axis: 1 } },
  ],
  constants: { zero: { shape: [1], data: [0] }, one: { shape: [1], data: [1] } },
  outputs: ["y"],
};
