/** The bytes of an ONNX file → TestModel, for files whose initialisers are float32, float16 or int64. Shares no code with the importer. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import type { TestAttribute, TestConstant, TestModel } from "./model.ts";

const FLOAT = 1;
const INT64 = 7;
const FLOAT16 = 10;

/** protobufjs gives 64-bit integers as numbers or as objects. */
const toNumber = (value: unknown): number => Number(value);

/** IEEE 754 binary16, exactly. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function readConstant({ dims, dataType, rawData, floatData, int32Data, int64Data }: onnx.ITensorProto): TestConstant {
  const shape = (dims ?? []).map(toNumber);
  const raw = rawData && rawData.byteLength > 0 ? rawData.slice().buffer : undefined;
  if (dataType === INT64) {
    return { shape, data: raw ? Array.from(new BigInt64Array(raw), Number) : (int64Data ?? []).map(toNumber), type: "int64" };
  }
  // ONNX keeps the bits of halves in int32Data where they are not raw.
  if (dataType === FLOAT16) return { shape, data: Float32Array.from(raw ? new Uint16Array(raw) : (int32Data ?? []), fromHalf) };
  if (dataType !== FLOAT) throw new Error(`a constant of element type ${dataType}`);
  return { shape, data: raw ? new Float32Array(raw) : Float32Array.from(floatData ?? []) };
}

function readAttribute(attribute: onnx.IAttributeProto): TestAttribute {
  switch (attribute.type as number) {
    case 1:
      return attribute.f ?? 0;
    case 2:
      return toNumber(attribute.i);
    case 3:
      return new TextDecoder().decode(attribute.s!);
    case 6:
      return { floats: attribute.floats ?? [] };
    case 7:
      return { ints: (attribute.ints ?? []).map(toNumber) };
    default:
      throw new Error(`attribute ${attribute.name} of type ${attribute.type}`);
  }
}

/** Reads a model, with a symbolic batch as 1. */
export function readModel(bytes: Uint8Array): TestModel {
  const { graph, opsetImport } = onnxProto.onnx.ModelProto.decode(bytes);
  const [given, computing] = [graph!.node ?? [], graph!.node!.filter(({ opType }) => opType !== "Constant")];
  const constants = Object.fromEntries([
    ...(graph!.initializer ?? []).map((initializer) => [initializer.name!, readConstant(initializer)] as const),
    ...given.filter((node) => !computing.includes(node)).map((node) => [node.output![0]!, readConstant(node.attribute![0]!.t!)] as const),
  ]);
  return {
    opset: toNumber(opsetImport.find(({ domain }) => !domain)!.version),
    inputs: (graph!.input ?? [])
      .filter(({ name }) => !(name! in constants))
      .map(({ name, type }) => ({ name: name!, shape: type!.tensorType!.shape!.dim!.map(({ dimValue }) => toNumber(dimValue) || 1) })),
    nodes: computing.map(({ opType, input, output, attribute }) => ({
      op: opType!,
      inputs: input ?? [],
      outputs: output ?? [],
      attributes: Object.fromEntries((attribute ?? []).map((one) => [one.name!, readAttribute(one)])),
    })),
    constants,
    outputs: (graph!.output ?? []).map(({ name }) => name!),
  };
}
