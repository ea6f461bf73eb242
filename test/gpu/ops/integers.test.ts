/** What op cases cannot hold: integers as outputs, quantisation's straight-through derivative, and dense layers in parts. */
import { describe, expect, test } from "vitest";
import { ArgumentError, UnsupportedOpError } from "../../../src/index.ts";
import type { Model } from "../../../src/index.ts";
import { importModel } from "../../../src/runtime/onnx/import.ts";
import { loadRareOps } from "../../../src/kernels/registry.ts";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { splitLarge } from "../../../src/runtime/rare/split-large.ts";
import type { TestModel } from "../../reference/model.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { sharedEngine } from "../engine.ts";

await loadRareOps();

async function load(model: Partial<TestModel> & Pick<TestModel, "inputs" | "nodes" | "outputs">): Promise<Model> {
  return (await sharedEngine()).load(encodeModel({ opset: 17, constants: {}, ...model }));
}

const image = { shape: [1, 2, 2, 4], data: Float32Array.of(1, 5, 2, 3, 4, 0, 9, 8, -1, -2, -3, -4, -5, -6, -7, -8) };

describe("indices of a max pool", () => {
  test.each([
    ["row by row", 0, [1, 6, 8, 10]],
    ["column by column", 1, [2, 5, 8, 12]],
  ] as const)("%s", async (_, order, expected) => {
    const pool = {
      op: "MaxPool",
      inputs: ["x"],
      outputs: ["y", "i"],
      attributes: { kernel_shape: [2, 2], strides: [2, 2], storage_order: order },
    };
    using model = await load({ inputs: [{ name: "x", shape: [1, 2, 2, 4] }], nodes: [pool], outputs: ["y", "i"] });
    const { y, i } = await model.run({ x: image });
    expect([...y!.data]).toEqual([5, 9, -1, -3]);
    expect([...i!.data]).toEqual(expected);
    const ones = { shape: [1, 2, 1, 2], data: new Float32Array(4).fill(1) };
    await expect(model.vjp(image, ones, { output: "i" })).rejects.toThrow(UnsupportedOpError);
    await expect(model.vjp(image, ones, { output: "j" })).rejects.toThrow(ArgumentError);
  });
});

test("constants and inputs as outputs, for several samples", async () => {
  using model = await load({
    inputs: [{ name: "x", shape: [1, 2] }],
    constants: { c: { shape: [3], data: [1, 2, 3] } },
    nodes: [
      { op: "Identity", inputs: ["c"], outputs: ["y"] },
      { op: "Identity", inputs: ["x"], outputs: ["z"] },
    ],
    outputs: ["y", "z"],
  });
  const { y, z } = await model.run({ x: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } });
  expect([...y!.data]).toEqual([1, 2, 3, 1, 2, 3]);
  expect([...z!.data]).toEqual([1, 2, 3, 4]);
});

test("quantise and dequantise: rounded to even, held in range, the derivative straight through", async () => {
  const constants = { s: { shape: [], data: [0.5] } } as const;
  const nodes = [
    { op: "QuantizeLinear", inputs: ["x", "s"], outputs: ["q"] },
    { op: "DequantizeLinear", inputs: ["q", "s"], outputs: ["y"] },
  ];
  using model = await load({ inputs: [{ name: "x", shape: [1, 6] }], constants, nodes, outputs: ["y"] });
  const x = { shape: [1, 6], data: Float32Array.of(-3, 0.25, 0.75, 1.3, 100, 200) };
  using y = await model.forward(x);
  expect([...(await y.read()).data]).toEqual([0, 0, 1, 1.5, 100, 127.5]);
  const direction = { shape: [1, 6], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  using adjoint = await model.vjp(x, direction);
  using tangent = await model.jvp(x, direction);
  expect([...(await adjoint.read()).data]).toEqual([0, 2, 3, 4, 5, 0]);
  expect([...(await tangent.read()).data]).toEqual([0, 2, 3, 4, 5, 0]);
});

test("weights larger than a binding are split by columns", () => {
  const weights = { shape: [8, 30], data: Array.from({ length: 240 }, (_, i) => i) };
  const bytes = encodeModel({
    opset: 17,
    inputs: [{ name: "x", shape: [1, 8] }],
    constants: { w: weights },
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    outputs: ["y"],
  });
  const { graph } = importModel(decodeModel(bytes));
  expect(splitLarge(graph, 1024)).toBe(graph);
  const split = splitLarge(graph, 512);
  const parts = split.nodes.filter(({ op }) => op === "MatMul").map(({ inputs }) => inputs[1]!);
  expect(parts.map(({ shape }) => shape)).toEqual([
    [8, 16],
    [8, 14],
  ]);
  expect([...parts[1]!.data!.subarray(0, 2), ...parts[1]!.data!.subarray(14, 15)]).toEqual([16, 17, 46]);
  expect(split.outputs[0]!.shape).toEqual([1, 30]);
});
