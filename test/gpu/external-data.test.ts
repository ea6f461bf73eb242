/** A model whose weights lie in a file beside it, through Engine.load. */
import onnxProto from "onnx-proto";
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/index.ts";
import { encodeModel } from "../reference/onnx-builder.ts";
import { sharedEngine } from "./engine.ts";

const proto = onnxProto.onnx.ModelProto.decode(
  encodeModel({
    opset: 17,
    inputs: [{ name: "x", shape: [1, 2] }],
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    constants: { w: { shape: [2, 3], data: [0, 0, 0, 0, 0, 0] } },
    outputs: ["y"],
  }),
);
Object.assign(proto.graph!.initializer![0]!, {
  rawData: null,
  dataLocation: 1,
  externalData: [
    { key: "location", value: "w.bin" },
    { key: "offset", value: "4" },
  ],
});
const bytes = onnxProto.onnx.ModelProto.encode(proto).finish();
const file = new Uint8Array(Float32Array.of(99, 1, 2, 3, 4, 5, 6).buffer);

test.each([
  ["bytes by name", { "w.bin": file }],
  ["a function that fetches", async (name: string) => (name === "w.bin" ? file.buffer : undefined)],
])("externalData: %s", async (_, externalData) => {
  using model = await (await sharedEngine()).load(bytes, { externalData });
  using y = await model.forward({ shape: [1, 2], data: Float32Array.of(1, 10) });
  expect([...(await y.read()).data]).toEqual([41, 52, 63]);
});

test("without its file a model does not load", async () => {
  const engine = await sharedEngine();
  await expect(engine.load(bytes)).rejects.toThrow(ArgumentError);
  await expect(engine.load(bytes)).rejects.toThrow('the model keeps tensors in "w.bin"; give the bytes in options.externalData');
});
