/** Bytes → protobuf message, and protobuf tensors → plain arrays. Protobuf types do not leave this folder. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import type { OnnxAttribute } from "../../kernels/op.ts";
import { OnnxFormatError } from "../errors.ts";
import { sizeOf } from "../graph/graph.ts";
import type { ConstantData, ElementType } from "../graph/graph.ts";

export interface DecodedTensor {
  readonly shape: readonly number[];
  readonly data: ConstantData;
  readonly type: ElementType;
}

/** Decodes a model. Throws OnnxFormatError for bytes that are not one. */
export function decodeModel(bytes: Uint8Array): onnx.ModelProto {
  if (bytes.byteLength === 0) throw new OnnxFormatError("the file is empty");
  let model: onnx.ModelProto;
  try {
    model = onnxProto.onnx.ModelProto.decode(bytes);
  } catch (error) {
    throw new OnnxFormatError(`not an ONNX model, or cut short: ${(error as Error).message}`);
  }
  if (!model.graph?.output?.length) {
    throw new OnnxFormatError("not an ONNX model: it has no graph");
  }
  return model;
}

/** int64 as a double: exact to 2⁵³; beyond that only sentinels such as INT64_MAX occur, which saturate. */
export function toNumber(value: number | { toNumber(): number } | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === "number" ? value : value.toNumber();
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloatToFloat(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;
}

interface RawFormat {
  readonly type: ElementType;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}

/** TensorProto.DataType → how raw little-endian data are read. */
const rawFormats: Readonly<Record<number, RawFormat>> = {
  1: { type: "float", bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  2: { type: "int", bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { type: "int", bytes: 1, read: (view, at) => view.getInt8(at) },
  4: { type: "int", bytes: 2, read: (view, at) => view.getUint16(at, true) },
  5: { type: "int", bytes: 2, read: (view, at) => view.getInt16(at, true) },
  6: { type: "int", bytes: 4, read: (view, at) => view.getInt32(at, true) },
  7: { type: "int", bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  9: { type: "bool", bytes: 1, read: (view, at) => view.getUint8(at) },
  10: { type: "float", bytes: 2, read: (view, at) => halfToFloat(view.getUint16(at, true)) },
  11: { type: "float", bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  12: { type: "int", bytes: 4, read: (view, at) => view.getUint32(at, true) },
  13: { type: "int", bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  16: { type: "float", bytes: 2, read: (view, at) => bfloatToFloat(view.getUint16(at, true)) },
};

/** Largest tensor a file may declare, in elements: what a WebGPU buffer could ever hold. */
const MAX_ELEMENTS = 2 ** 31;

/** Decodes an initialiser or a tensor attribute. `what` names it in errors. */
export function decodeTensor(tensor: onnx.ITensorProto, what: string): DecodedTensor {
  const shape = (tensor.dims ?? []).map(toNumber);
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) {
    throw new OnnxFormatError(`${what} has an impossible shape [${shape}]`);
  }
  const count = sizeOf(shape);
  if (count > MAX_ELEMENTS) throw new OnnxFormatError(`${what} declares ${count} elements`);
  const format = rawFormats[tensor.dataType ?? 0];
  if (!format) throw new OnnxFormatError(`${what} has element type ${tensor.dataType}, which is not numeric`);
  if ((tensor.externalData?.length ?? 0) > 0) throw new OnnxFormatError(`${what} lies in an external data file, which is not given`);
  const raw = tensor.rawData;
  if (raw && raw.byteLength > 0) {
    if (raw.byteLength !== count * format.bytes) {
      throw new OnnxFormatError(`${what} declares ${count} elements but holds ${raw.byteLength / format.bytes}`);
    }
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return { shape, data: fill(count, format.type, (i) => format.read(view, i * format.bytes)), type: format.type };
  }
  const listed = listedElements(tensor);
  if (listed.length !== count) throw new OnnxFormatError(`${what} declares ${count} elements but holds ${listed.length}`);
  return { shape, data: fill(count, format.type, (i) => listed[i]!), type: format.type };
}

function fill(count: number, type: ElementType, read: (i: number) => number): ConstantData {
  const data = type === "float" ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = read(i);
  return data;
}

/** The elements of a tensor stored in one of protobuf's typed lists. */
function listedElements(tensor: onnx.ITensorProto): readonly number[] {
  const code = tensor.dataType ?? 0;
  if (code === 1) return tensor.floatData ?? [];
  if (code === 11) return tensor.doubleData ?? [];
  if (code === 7) return (tensor.int64Data ?? []).map(toNumber);
  if (code === 12 || code === 13) return (tensor.uint64Data ?? []).map(toNumber);
  const words = tensor.int32Data ?? [];
  if (code === 10) return words.map(halfToFloat);
  if (code === 16) return words.map(bfloatToFloat);
  return words;
}

const utf8 = new TextDecoder();

/** AttributeProto.AttributeType: FLOAT 1, INT 2, STRING 3, TENSOR 4, FLOATS 6, INTS 7, STRINGS 8. */
export function decodeAttribute(attribute: onnx.IAttributeProto, what: string): OnnxAttribute | undefined {
  switch (attribute.type) {
    case 1:
      return attribute.f ?? 0;
    case 2:
      return toNumber(attribute.i);
    case 3:
      return utf8.decode(attribute.s ?? new Uint8Array());
    case 4:
      return attribute.t ? decodeTensor(attribute.t, what) : undefined;
    case 6:
      return attribute.floats ?? [];
    case 7:
      return (attribute.ints ?? []).map(toNumber);
    case 8:
      return (attribute.strings ?? []).map((bytes) => utf8.decode(bytes));
    default:
      return undefined;
  }
}
