/**
 * What a model file holds, as far as Nudge looks at it: the messages and fields of onnx.proto that scripts/onnx-decoder.mjs keeps.
 * A field that the file leaves out is missing. Published types must compile where onnx-proto is not installed, so that they are
 * stated here and not taken from there; messages of that package may be given for these.
 */

/** Exact to 2⁵³; the objects are those of the package `long`. */
export type Int64 = number | { toNumber(): number };

type List<T> = T[] | null;

export interface ModelProto {
  graph?: GraphProto | null;
  opsetImport?: List<OperatorSetIdProto>;
  functions?: List<FunctionProto>;
}

export interface OperatorSetIdProto {
  domain?: string | null;
  version?: Int64 | null;
}

export interface FunctionProto {
  name?: string | null;
  domain?: string | null;
  input?: List<string>;
  output?: List<string>;
  attribute?: List<string>;
  node?: List<NodeProto>;
  opsetImport?: List<OperatorSetIdProto>;
}

export interface GraphProto {
  name?: string | null;
  node?: List<NodeProto>;
  initializer?: List<TensorProto>;
  input?: List<ValueInfoProto>;
  output?: List<ValueInfoProto>;
  valueInfo?: List<ValueInfoProto>;
}

export interface NodeProto {
  name?: string | null;
  opType?: string | null;
  domain?: string | null;
  input?: List<string>;
  output?: List<string>;
  attribute?: List<AttributeProto>;
}

export interface AttributeProto {
  name?: string | null;
  refAttrName?: string | null;
  type?: number | null;
  f?: number | null;
  i?: Int64 | null;
  s?: Uint8Array | null;
  t?: TensorProto | null;
  g?: GraphProto | null;
  floats?: List<number>;
  ints?: List<Int64>;
  strings?: List<Uint8Array>;
}

export interface TensorProto {
  name?: string | null;
  dims?: List<Int64>;
  dataType?: number | null;
  rawData?: Uint8Array | null;
  floatData?: List<number>;
  doubleData?: List<number>;
  int32Data?: List<number>;
  int64Data?: List<Int64>;
  uint64Data?: List<Int64>;
  externalData?: List<{ key?: string | null; value?: string | null }>;
  dataLocation?: number | null;
}

export interface ValueInfoProto {
  name?: string | null;
  type?: { tensorType?: { elemType?: number | null; shape?: { dim?: List<DimensionProto> } | null } | null } | null;
}

export interface DimensionProto {
  dimValue?: Int64 | null;
  dimParam?: string | null;
}
