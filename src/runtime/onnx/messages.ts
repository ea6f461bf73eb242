/** The messages of a model that Nudge looks at, with the field numbers of onnx.proto. */
import type { Message } from "./protobuf.ts";

const entry: Message = { 1: ["key", "string"], 2: ["value", "string"] };
const opset: Message = { 1: ["domain", "string"], 2: ["version", "int"] };

const tensor: Message = {
  1: ["dims", "int", true],
  2: ["dataType", "int"],
  4: ["floatData", "float", true],
  5: ["int32Data", "int", true],
  7: ["int64Data", "int", true],
  8: ["name", "string"],
  9: ["rawData", "bytes"],
  10: ["doubleData", "double", true],
  11: ["uint64Data", "uint", true],
  13: ["externalData", () => entry, true],
  14: ["dataLocation", "int"],
};

const dimension: Message = { 1: ["dimValue", "int"], 2: ["dimParam", "string"] };
const shape: Message = { 1: ["dim", () => dimension, true] };
const tensorType: Message = { 1: ["elemType", "int"], 2: ["shape", () => shape] };
const type: Message = { 1: ["tensorType", () => tensorType] };
const valueInfo: Message = { 1: ["name", "string"], 2: ["type", () => type] };

const attribute: Message = {
  1: ["name", "string"],
  2: ["f", "float"],
  3: ["i", "int"],
  4: ["s", "bytes"],
  5: ["t", () => tensor],
  6: ["g", () => graph],
  7: ["floats", "float", true],
  8: ["ints", "int", true],
  9: ["strings", "bytes", true],
  20: ["type", "int"],
  21: ["refAttrName", "string"],
};

const node: Message = {
  1: ["input", "string", true],
  2: ["output", "string", true],
  3: ["name", "string"],
  4: ["opType", "string"],
  5: ["attribute", () => attribute, true],
  7: ["domain", "string"],
};

const graph: Message = {
  1: ["node", () => node, true],
  2: ["name", "string"],
  5: ["initializer", () => tensor, true],
  11: ["input", () => valueInfo, true],
  12: ["output", () => valueInfo, true],
  13: ["valueInfo", () => valueInfo, true],
};

const functionBody: Message = {
  1: ["name", "string"],
  4: ["input", "string", true],
  5: ["output", "string", true],
  6: ["attribute", "string", true],
  7: ["node", () => node, true],
  9: ["opsetImport", () => opset, true],
  10: ["domain", "string"],
};

/** ModelProto. */
export const model: Message = {
  7: ["graph", () => graph],
  8: ["opsetImport", () => opset, true],
  25: ["functions", () => functionBody, true],
};
