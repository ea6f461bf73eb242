/** Bytes → protobuf message, and protobuf tensors → plain arrays. */
import { ModelProto as decodeMessage } from "virtual:onnx-proto";
import { BFLOAT16, FLOAT16, FLOAT8E8M0, INTEGER_RANGES, SMALL_FLOATS, smallFloatFromBits } from "../../kernels/element-types.ts";
import type { OnnxAttribute } from "../../kernels/op.ts";
import { OnnxFormatError } from "../errors.ts";
import { MAX_ELEMENTS } from "../graph/budget.ts";
import { sizeOf } from "../graph/graph.ts";
import type { ConstantData, ElementType } from "../graph/graph.ts";
import { unknownNumbers } from "../graph/unknown.ts";
import { EXACT_BELOW, fromExact, UINT64 } from "../graph/integers.ts";
import { externalBytes, isExternal } from "./external-data.ts";
import type { ExternalFiles } from "./external-data.ts";
import type { AttributeProto, ModelProto, TensorProto } from "./messages.ts";
import { ModelReader, WideInteger } from "./reader.ts";

export interface DecodedTensor {
  readonly shape: readonly number[];
  readonly data: ConstantData;
  readonly type: ElementType;
  /** Its TensorProto.DataType. */
  readonly onnxType: number;
}

/** Where tensors that are not in the model's own bytes come from. */
export interface DataSource {
  readonly externalData?: ExternalFiles;
  /** Called with the file that is not given; the tensor becomes zeros, for a description. Without it that is an error. */
  readonly onMissingFile?: (file: string) => void;
}

/** Decodes a model. Throws OnnxFormatError for bytes that are not one. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  if (bytes.byteLength === 0) throw new OnnxFormatError("the file is empty");
  // A Node Buffer is read as the bytes it is, so that tensors are plain views in every environment.
  const reader = new ModelReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  let model: ModelProto;
  try {
    model = decodeMessage(reader, bytes.byteLength);
  } catch (error) {
    throw new OnnxFormatError(`not an ONNX model, or cut short: at byte ${reader.pos}: ${(error as Error).message}`);
  }
  if (!model.graph?.output?.length) {
    throw new OnnxFormatError("not an ONNX model: it has no graph");
  }
  return model;
}

/** int64 as a double; NaN where no double is it, except INT64_MAX, which is 2⁶³. */
export function toNumber(value: number | { toNumber(): number } | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === "number" ? value : value.toNumber();
}

interface RawFormat {
  readonly type: ElementType;
  /** Of one element; below 8 several share a byte, the first in the lowest bits. */
  readonly bits: number;
  /** Reads element i. */
  readonly read: (view: DataView, i: number) => number;
}

/** Elements of 8 or 16 bits, and of 4 or 2 that share a byte, by a table of what their bits stand for. */
/* @__NO_SIDE_EFFECTS__ */
function tabled(type: ElementType, bits: number, meaning: (bits: number) => number): RawFormat {
  let table: Float64Array | undefined;
  const values = () => (table ??= Float64Array.from({ length: 2 ** bits }, (_, i) => meaning(i)));
  if (bits === 16) return { type, bits, read: (view, i) => values()[view.getUint16(2 * i, true)]! };
  const mask = 2 ** bits - 1;
  return { type, bits, read: (view, i) => values()[(view.getUint8(Math.floor((i * bits) / 8)) >> ((i * bits) % 8)) & mask]! };
}

const smallFloat = /* @__NO_SIDE_EFFECTS__ */ (code: number): RawFormat => {
  const format = SMALL_FLOATS[code]!;
  return tabled("float", 1 + format.exponentBits + format.mantissaBits, (bits) => smallFloatFromBits(bits, format));
};

const packedInteger = /* @__NO_SIDE_EFFECTS__ */ (code: number, bits: number): RawFormat => {
  const [low, high] = INTEGER_RANGES[code]!;
  return tabled("int", bits, (value) => (value > high ? value + 2 * low : value));
};

/** TensorProto.DataType → how raw little-endian data are read. */
const rawFormats: Readonly<Record<number, RawFormat>> = {
  1: { type: "float", bits: 32, read: (view, i) => view.getFloat32(4 * i, true) },
  2: { type: "int", bits: 8, read: (view, i) => view.getUint8(i) },
  3: { type: "int", bits: 8, read: (view, i) => view.getInt8(i) },
  4: { type: "int", bits: 16, read: (view, i) => view.getUint16(2 * i, true) },
  5: { type: "int", bits: 16, read: (view, i) => view.getInt16(2 * i, true) },
  6: { type: "int", bits: 32, read: (view, i) => view.getInt32(4 * i, true) },
  7: { type: "int", bits: 64, read: (view, i) => Number(view.getBigInt64(8 * i, true)) },
  9: { type: "bool", bits: 8, read: (view, i) => view.getUint8(i) },
  [FLOAT16]: smallFloat(FLOAT16),
  11: { type: "float", bits: 64, read: (view, i) => view.getFloat64(8 * i, true) },
  12: { type: "int", bits: 32, read: (view, i) => view.getUint32(4 * i, true) },
  13: { type: "int", bits: 64, read: (view, i) => Number(view.getBigUint64(8 * i, true)) },
  [BFLOAT16]: smallFloat(BFLOAT16),
  17: smallFloat(17),
  18: smallFloat(18),
  19: smallFloat(19),
  20: smallFloat(20),
  21: packedInteger(21, 4),
  22: packedInteger(22, 4),
  23: smallFloat(23),
  [FLOAT8E8M0]: tabled("float", 8, (bits) => (bits === 255 ? NaN : 2 ** (bits - 127))),
  25: packedInteger(25, 2),
  26: packedInteger(26, 2),
};

/** Decodes an initialiser or a tensor attribute. `what` names it in errors. */
export function decodeTensor(tensor: TensorProto, what: string, source: DataSource = {}): DecodedTensor {
  const shape = (tensor.dims ?? []).map(toNumber);
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) {
    throw new OnnxFormatError(`${what} has an impossible shape [${shape}]`);
  }
  const count = sizeOf(shape);
  if (count > MAX_ELEMENTS) throw new OnnxFormatError(`${what} declares ${count} elements`);
  const code = tensor.dataType ?? 0;
  const format = rawFormats[code];
  if (!format) throw new OnnxFormatError(`${what} has element type ${code}, which is not numeric`);
  const { type } = format;
  if (isExternal(tensor)) {
    const { file, bytes } = externalBytes(tensor, byteLength(count, format), source.externalData, what);
    if (bytes) return { shape, data: fromBytes(bytes, count, format, code), type, onnxType: code };
    // Numbers that may be shapes cannot be made up.
    if (!source.onMissingFile || type !== "float")
      throw new OnnxFormatError(`${what} lies in the external data file ${JSON.stringify(file)}, which is not given`);
    source.onMissingFile(file);
    return { shape, data: unknownNumbers(count), type, onnxType: code };
  }
  const raw = tensor.rawData;
  if (raw && raw.byteLength > 0) {
    if (raw.byteLength !== byteLength(count, format)) throw wrongCount(what, count, (raw.byteLength * 8) / format.bits);
    return { shape, data: fromBytes(raw, count, format, code), type, onnxType: code };
  }
  const listed = listedElements(tensor, count, format, what);
  if (listed.length !== count) throw wrongCount(what, count, listed.length);
  const data = type === "float" ? Float32Array.from(listed) : listed instanceof Float64Array ? listed : Float64Array.from(listed);
  return { shape, data, type, onnxType: code };
}

const wrongCount = (what: string, declared: number, held: number) =>
  new OnnxFormatError(`${what} declares ${declared} elements but holds ${held}`);

const byteLength = (count: number, { bits }: RawFormat): number => Math.ceil((count * bits) / 8);

function fromBytes(raw: Uint8Array, count: number, format: RawFormat, code: number): ConstantData {
  // WebGPU runs on little-endian machines only, so float32 is as it lies there; the copy is aligned.
  if (code === 1) return new Float32Array(new Uint8Array(raw).buffer);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = format.type === "float" ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = format.read(view, i);
  if (code !== 7 && code !== UINT64) return data;
  if (data.every((value) => Math.abs(value) < EXACT_BELOW)) return data;
  const exact = Array.from(data, (_, i) => (code === 7 ? view.getBigInt64(8 * i, true) : view.getBigUint64(8 * i, true)));
  return fromExact(exact, code);
}

/** The elements of a tensor stored in one of protobuf's typed lists. */
function listedElements(tensor: TensorProto, count: number, format: RawFormat, what: string): readonly number[] | ConstantData {
  const code = tensor.dataType ?? 0;
  if (code === 1) return tensor.floatData ?? [];
  if (code === 11) return tensor.doubleData ?? [];
  if (code === 7 || code === 12 || code === UINT64) {
    const list = (code === 7 ? tensor.int64Data : tensor.uint64Data) ?? [];
    if (list.every((value) => typeof value === "number")) return list;
    return fromExact(
      list.map((value) => (value instanceof WideInteger ? value.exact : BigInt(toNumber(value)))),
      code,
    );
  }
  const words = tensor.int32Data ?? [];
  // Small floats and packed integers lie there as their bits, one unit of 8 or 16 bits a word.
  if (!(code in SMALL_FLOATS) && format.bits >= 8 && code !== FLOAT8E8M0) return words;
  const bytes = format.bits === 16 ? new Uint8Array(Uint16Array.from(words).buffer) : Uint8Array.from(words);
  if (bytes.length !== byteLength(count, format)) throw wrongCount(what, count, (bytes.length * 8) / format.bits);
  return fromBytes(bytes, count, format, code);
}

const utf8 = /* @__PURE__ */ new TextDecoder();

/** AttributeProto.AttributeType: FLOAT 1, INT 2, STRING 3, TENSOR 4, FLOATS 6, INTS 7, STRINGS 8. */
export function decodeAttribute(attribute: AttributeProto, what: string, source: DataSource = {}): OnnxAttribute | undefined {
  switch (attribute.type) {
    case 1:
      return attribute.f ?? 0;
    case 2:
      return toNumber(attribute.i);
    case 3:
      return utf8.decode(attribute.s ?? new Uint8Array());
    case 4:
      return attribute.t ? decodeTensor(attribute.t, what, source) : undefined;
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
