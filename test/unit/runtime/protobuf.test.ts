/** What a bundle carries of onnx-proto and protobufjs against the whole of them, on files whole, cut short and damaged. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import { ModelProto as decodeMessage } from "virtual:onnx-proto";
import { describe, expect, test } from "vitest";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { ModelReader, WideInteger } from "../../../src/runtime/onnx/reader.ts";
import { OnnxFormatError } from "../../../src/runtime/errors.ts";
import { sharedData } from "../../conformance/shared-data.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const modelsIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".onnx"));
const MODELS = modelsIn(join(ROOT, "models")).map((path) => join(ROOT, "models", path));

/** What onnx.proto has and Nudge does not look at, by message: everything else must be read. */
const UNREAD: Readonly<Record<string, readonly string[]>> = {
  ModelProto: ["irVersion", "producerName", "producerVersion", "domain", "modelVersion", "docString", "metadataProps", "trainingInfo"],
  GraphProto: ["sparseInitializer", "docString", "quantizationAnnotation"],
  NodeProto: ["docString"],
  AttributeProto: ["docString", "sparseTensor", "tp", "tensors", "graphs", "sparseTensors", "typeProtos"],
  TensorProto: ["segment", "stringData", "docString"],
  ValueInfoProto: ["docString"],
  TypeProto: ["sequenceType", "mapType", "sparseTensorType", "optionalType", "denotation"],
  Dimension: ["denotation"],
  FunctionProto: ["docString"],
};

/**
 * A message of onnx-proto as plain data without what Nudge does not read: int64 as a double, empty lists left out, as they are
 * in a file. Long lists of numbers stay as they are.
 */
function plain(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof WideInteger) return Number(value.exact);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if ("low" in value && "high" in value && "toNumber" in value) return (value as { toNumber(): number }).toNumber();
  if (Array.isArray(value)) return value.map(plain);
  const unread = UNREAD[value.constructor.name] ?? [];
  const kept = Object.entries(value).filter(([key, item]) => !unread.includes(key) && !(Array.isArray(item) && item.length === 0));
  return Object.fromEntries(kept.map(([key, item]) => [key, plain(item)]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

/** JSON, or the fact that it fails. */
function outcome(decode: () => unknown): string {
  try {
    return JSON.stringify(plain(decode()), (_, item: unknown) =>
      typeof item === "number" && !Number.isFinite(item) ? String(item) : item,
    );
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return "fails";
  }
}

const decode = (bytes: Uint8Array) => decodeMessage(new ModelReader(bytes), bytes.length);
const read = (bytes: Uint8Array) => outcome(() => decode(bytes));

function expectSame(bytes: Uint8Array, what: string): void {
  const [mine, theirs] = [read(bytes), outcome(() => onnxProto.onnx.ModelProto.decode(bytes))];
  // Not toEqual: for megabytes of text a difference is all that should be printed.
  if (mine === theirs) return;
  const at = [...mine].findIndex((character, i) => character !== theirs[i]);
  expect(mine.slice(Math.max(0, at - 200), at + 200), what).toBe(theirs.slice(Math.max(0, at - 200), at + 200));
  throw new Error(`${what}: the decoders differ`);
}

const modelBytes = (graph: onnx.IGraphProto) => onnxProto.onnx.ModelProto.encode({ graph }).finish();

/** A model whose graph has one initialiser, with these bytes: each of less than 128. */
function modelOf(tensor: readonly number[]): Uint8Array {
  return Uint8Array.from([0x3a, tensor.length + 2, 0x2a, tensor.length, ...tensor]);
}

/** Decodes, and takes no error but the library's. */
function expectOwnError(bytes: Uint8Array): void {
  try {
    decodeModel(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(OnnxFormatError);
  }
}

describe("the decoder", () => {
  test("gives the same for the embedded models, from a plain array and from a part of a larger one", () => {
    expect(MODELS.length).toBeGreaterThan(1);
    for (const path of MODELS) {
      const bytes = new Uint8Array(readFileSync(path));
      expectSame(bytes, path);
      const larger = new Uint8Array(bytes.length + 20);
      larger.set(bytes, 7);
      expectSame(larger.subarray(7, 7 + bytes.length), path);
    }
  });

  test("gives the same for every kind of field", () => {
    const { ModelProto } = onnxProto.onnx;
    const tensor: onnx.ITensorProto = {
      dims: [2, -1],
      dataType: 11,
      doubleData: [1.5, -Infinity, 5e-324],
      int64Data: [-1, 2 ** 53 - 1, -(2 ** 53), 300, 0],
      uint64Data: [2 ** 40],
      int32Data: [-7, 2 ** 31 - 1],
      floatData: [0.1, NaN, -0],
      stringData: [Uint8Array.of(1, 2)],
      externalData: [{ key: "location", value: "ä✓𝄞" }],
      rawData: new Uint8Array(0),
      segment: { begin: 1, end: 2 },
      dataLocation: 1,
    };
    const graph: onnx.IGraphProto = { name: "g", initializer: [tensor], sparseInitializer: [{ values: tensor, dims: [4] }] };
    const attribute: onnx.IAttributeProto = {
      name: "a",
      refAttrName: "r",
      type: 5,
      f: 2,
      i: -5,
      s: Uint8Array.of(255),
      t: tensor,
      g: graph,
      floats: [1],
      ints: [-1],
      strings: [],
      graphs: [graph],
    };
    const type: onnx.ITypeProto = {
      tensorType: { elemType: 1, shape: { dim: [{ dimValue: 3 }, { dimParam: "N" }, {}] } },
      denotation: "d",
    };
    const message = ModelProto.create({
      irVersion: 8,
      opsetImport: [{ domain: "", version: 25 }],
      metadataProps: [{ key: "k", value: "v" }],
      trainingInfo: [{ algorithm: graph }],
      functions: [{ name: "f", domain: "d", input: ["x"], attribute: ["a"], node: [{ opType: "If", attribute: [attribute] }] }],
      graph: {
        ...graph,
        input: [
          { name: "x", type },
          { name: "s", type: { sequenceType: { elemType: type } } },
          { name: "o", type: { optionalType: { elemType: type } } },
          { name: "m", type: { mapType: { keyType: 7, valueType: type } } },
        ],
        quantizationAnnotation: [{ tensorName: "x" }],
      },
    });
    expectSame(ModelProto.encode(message).finish(), "a model with every kind of field");
  });

  test("reads lists of numbers packed and one by one, and passes over what it does not know", () => {
    const minusOne = [...Array<number>(9).fill(255), 1];
    // A tensor: dims (field 1) packed and one by one; fields 99 of every wire type, a group with a field inside among them; then
    // dims as a double, which they are not; float_data (4) one by one and packed; uint64_data (11); name (8).
    const tensor = [
      ...[0x0a, 13, 5, 0x96, 1, ...minusOne],
      ...[0x08, 7],
      ...[0x98, 6, 0x80, 1, 0x99, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0x9a, 6, 2, 9, 9, 0x9b, 6, 0x08, 1, 0x9c, 6, 0x9d, 6, 1, 2, 3, 4],
      ...[0x09, 1, 2, 3, 4, 5, 6, 7, 8],
      ...[0x25, 0, 0, 0x80, 0x3f, 0x22, 4, 0, 0, 0, 0xc0],
      ...[0x58, ...minusOne],
      ...[0x42, 1, 0x74],
    ];
    expect(decode(modelOf(tensor)).graph!.initializer).toEqual([
      { dims: [5, 150, -1, 7], floatData: [1, -2], uint64Data: [new WideInteger(2n ** 64n - 1n)], name: "t" },
    ]);
  });

  test("gives bytes as views of the file", () => {
    const bytes = modelOf([0x4a, 3, 7, 8, 9]);
    const { rawData } = decode(bytes).graph!.initializer![0]!;
    expect([...rawData!]).toEqual([7, 8, 9]);
    expect(rawData!.buffer).toBe(bytes.buffer);
    const [node] = decode(modelBytes({ node: [{ opType: "Op", attribute: [{ name: "s", s: Uint8Array.of(1, 2) }] }] })).graph!.node!;
    expect(node!.attribute![0]!.s!.byteLength).toBe(2);
  });

  test("fails as onnx-proto does on bytes that are cut short or no model", () => {
    const bytes = new Uint8Array(readFileSync(MODELS.find((path) => path.endsWith("lenet.onnx"))!)).slice(0, 3000);
    for (let length = 0; length < 400; length++) expectSame(bytes.subarray(0, length), `the first ${length} bytes`);
    expect(read(bytes)).toBe("fails");
    expect(read(new TextEncoder().encode("<!doctype html><html>"))).toBe("fails");
  });

  test("ends with a message or an error of its own for any bytes", () => {
    const bytes = new Uint8Array(readFileSync(MODELS.find((path) => path.endsWith("lenet.onnx"))!)).slice(0, 600);
    for (let at = 0; at < 400 * 8; at++) {
      const damaged = bytes.slice();
      damaged[at >> 3]! ^= 1 << (at % 8);
      expectOwnError(damaged);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), expectOwnError));
  });

  test.each([
    ["a message longer than what holds it", [0x3a, 3, 0x0a, 5, 0, 0, 0, 0, 0], "5 bytes do not fit before byte 5"],
    ["a packed list longer than its message", modelOf([0x0a, 9, 1]), "9 bytes do not fit before byte 7"],
    ["a packed list as long as four billion", modelOf([0x0a, 255, 255, 255, 255, 15, 1]), "4294967295 bytes do not fit"],
    ["a text longer than the file", modelOf([0x42, 100, 0x61]), "index out of range: 6 + 100 > 7"],
    ["a text longer than its message", [...modelOf([0x42, 4, 0x61]), 0x12, 2, 1, 1], "a field reaches past byte 7"],
    ["a number that does not end", modelOf([0x10, ...Array<number>(12).fill(255)]), "at byte 17"],
    ["a double cut short", modelOf([0x52, 3, 1, 2, 3]), "at byte 14"],
    ["a wire type that does not exist", [0x3e, 1], "invalid wire type 6"],
    ["the end of a group that was not begun", [0x3c], "invalid wire type 4"],
    ["groups without end", Array<number>(200).fill(0x0b), "maximum nesting depth exceeded"],
  ])("refuses %s, and says where", (_what, bytes, message) => {
    expect(() => decodeModel(Uint8Array.from(bytes))).toThrow(OnnxFormatError);
    expect(() => decodeModel(Uint8Array.from(bytes))).toThrow(/^not an ONNX model, or cut short: at byte \d+: /);
    expect(() => decodeModel(Uint8Array.from(bytes))).toThrow(message);
  });

  test("refuses messages that lie too deep in each other", () => {
    // A graph in an attribute of a node of a graph …: three messages a level, and the model around them.
    const nested = (levels: number): onnx.IGraphProto => {
      let graph: onnx.IGraphProto = {};
      for (let level = 0; level < levels; level++) graph = { node: [{ attribute: [{ g: graph }] }] };
      return graph;
    };
    expect(() => decode(modelBytes(nested(33)))).not.toThrow();
    expect(() => decode(modelBytes(nested(34)))).toThrow("messages lie more than 100 deep in each other");
  });

  const found = sharedData && existsSync(`${sharedData}/models`) ? modelsIn(`${sharedData}/models`) : [];
  describe.runIf(found.length > 0)("gives the same for", () => {
    test.each(found)("%s", (path) => {
      const file = `${sharedData}/models/${path}`;
      // The text of larger files would not fit into one string.
      if (statSync(file).size > 100e6) throw new Error("too large to compare");
      expectSame(new Uint8Array(readFileSync(file)), path);
    });
  });
});
