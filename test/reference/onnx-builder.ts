/** TestModel → the bytes of an ONNX file. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import type { TestAttribute, TestModel } from "./model.ts";

const IR_VERSION = 8;
const FLOAT = 1;
const INT64 = 7;

/** AttributeProto.AttributeType */
const attributeTypes = { FLOAT: 1, INT: 2, STRING: 3, FLOATS: 6, INTS: 7 } as const;

/** Attributes that ONNX declares as floats, whatever number a test gives. */
const FLOAT_ATTRIBUTES = new Set([
  "alpha",
  "beta",
  "epsilon",
  "min",
  "max",
  "value",
  "momentum",
  "ratio",
  "gamma",
  "lambd",
  "bias",
  "scale",
  "softcap",
]);

function attribute(name: string, value: TestAttribute): onnx.IAttributeProto {
  if (typeof value === "string") return { name, type: attributeTypes.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number") {
    return FLOAT_ATTRIBUTES.has(name) ? { name, type: attributeTypes.FLOAT, f: value } : { name, type: attributeTypes.INT, i: value };
  }
  if ("floats" in value) return { name, type: attributeTypes.FLOATS, floats: [...value.floats] };
  return { name, type: attributeTypes.INTS, ints: [...("ints" in value ? value.ints : value)] };
}

function valueInfo(name: string, shape?: readonly (number | string)[]): onnx.IValueInfoProto {
  const dim = shape?.map((extent) => (typeof extent === "string" ? { dimParam: extent } : { dimValue: extent }));
  return { name, type: { tensorType: { elemType: FLOAT, ...(dim && { shape: { dim } }) } } };
}

export interface EncodeOptions {
  /** Replaces the batch axis of every input by this symbol. */
  readonly symbolicBatch?: string;
}

export function encodeModel(model: TestModel, options: EncodeOptions = {}): Uint8Array {
  const { symbolicBatch } = options;
  const message = onnxProto.onnx.ModelProto.create({
    irVersion: IR_VERSION,
    producerName: "nudge tests",
    opsetImport: [{ domain: "", version: model.opset }],
    graph: {
      name: "test",
      input: model.inputs.map(({ name, shape }) => valueInfo(name, symbolicBatch ? [symbolicBatch, ...shape.slice(1)] : shape)),
      output: model.outputs.map((name) => valueInfo(name)),
      initializer: Object.entries(model.constants).map(([name, { shape, data, type }]) =>
        type === "int64"
          ? { name, dims: [...shape], dataType: INT64, int64Data: Array.from(data) }
          : { name, dims: [...shape], dataType: FLOAT, rawData: new Uint8Array(Float32Array.from(data).buffer) },
      ),
      node: model.nodes.map(({ op, inputs, outputs, attributes = {}, name }) => ({
        opType: op,
        name: name ?? "",
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      })),
    },
  });
  return onnxProto.onnx.ModelProto.encode(message).finish();
}
