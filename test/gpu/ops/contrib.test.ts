/** Ops of onnxruntime's own domain against onnxruntime, and their vjp against their jvp. */
import onnxProto from "onnx-proto";
import { expect, test } from "vitest";
import type { TestConstant, TestNode } from "../../reference/model.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { sharedEngine } from "../engine.ts";
import { dot, randomArray, relativeError } from "../numbers.ts";
import { OrtReference } from "../onnxruntime.ts";

const random = (shape: readonly number[], seed: number): TestConstant => ({ shape, data: Array.from(randomArray(shape, seed).data) });

const cases: readonly [string, readonly number[], TestNode["attributes"], Readonly<Record<string, TestConstant>>][] = [
  ["Gelu", [4, 6], {}, {}],
  ["BiasGelu", [4, 6], {}, { b: random([6], 1) }],
  ["FastGelu", [4, 6], {}, { b: random([6], 1) }],
  ["QuickGelu", [4, 6], { alpha: 1.5 }, {}],
  ["FusedMatMul", [6, 4], { transA: 1, transB: 1, alpha: 0.5 }, { w: random([5, 6], 2) }],
  [
    "SkipLayerNormalization",
    [4, 6],
    { epsilon: 1e-5 },
    { k: random([1, 4, 6], 3), g: random([6], 4), b: random([6], 5), c: random([6], 6) },
  ],
  ["FusedConv", [2, 5, 5], { activation: "Relu", pads: [1, 1, 1, 1] }, { w: random([3, 2, 3, 3], 7), b: random([3], 8) }],
  [
    "FusedConv",
    [2, 5, 5],
    { activation: "LeakyRelu", activation_params: { floats: [0.2] } },
    { w: random([3, 2, 3, 3], 7), b: random([3], 8), z: random([1, 3, 3, 3], 9) },
  ],
];

test.each(cases)("com.microsoft.%s of a sample %j with %j", async (op, sample, attributes, constants) => {
  const shape = [1, ...sample];
  const nodes = [{ op, inputs: ["x", ...Object.keys(constants)], outputs: ["y"], attributes }];
  const proto = onnxProto.onnx.ModelProto.decode(
    encodeModel({ opset: 17, inputs: [{ name: "x", shape }], nodes, constants, outputs: ["y"] }),
  );
  proto.graph!.node![0]!.domain = "com.microsoft";
  proto.opsetImport.push({ domain: "com.microsoft", version: 1 });
  const bytes = onnxProto.onnx.ModelProto.encode(proto).finish();
  const x = randomArray(shape, 10);
  const expected = (await (await OrtReference.load(bytes)).runNamed({ x }))["y"]!;
  using model = await (await sharedEngine()).load(bytes);
  using y = await model.forward(x);
  expect(relativeError((await y.read()).data, expected)).toBeLessThan(1e-5);
  const [tangent, cotangent] = [randomArray(shape, 11), randomArray(y.shape, 12)];
  using moved = await model.jvp(x, tangent);
  using gradient = await model.vjp(x, cotangent);
  const [left, right] = [dot((await moved.read()).data, cotangent.data), dot(tangent.data, (await gradient.read()).data)];
  expect(Math.abs(left - right)).toBeLessThan(1e-4 * Math.max(1, Math.abs(left)));
});
