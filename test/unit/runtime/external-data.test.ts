/** Initialisers in files beside the model: several tensors of one file, what is refused, and a description without the files. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import { describe, expect, test } from "vitest";
import { describeModel } from "../../../src/runtime/describe.ts";
import { ArgumentError, OnnxFormatError } from "../../../src/runtime/errors.ts";
import { decodeModel } from "../../../src/runtime/onnx/decode.ts";
import { externalFileNames, fetchExternalData } from "../../../src/runtime/rare/fetch-external.ts";
import type { ExternalFiles } from "../../../src/runtime/onnx/external-data.ts";
import { importModel } from "../../../src/runtime/onnx/import.ts";
import { bytesOf, counting, node } from "./graphs.ts";

interface Kept {
  readonly location?: string;
  readonly offset?: string | number;
  readonly length?: string | number;
}

/** x·w + b, with w and b as `kept` says where; the file holds 8 bytes of something else, w, and b. */
function externalModel(kept: { w?: Kept; b?: Kept; s?: Kept }): { bytes: Uint8Array; file: Uint8Array } {
  const small = {
    inputs: { x: [1, 2] },
    nodes: [node("MatMul", ["x", "w"], "p"), node("Add", ["p", "b"], "q"), node("Reshape", ["q", "s"], "y")],
    constants: { w: counting([2, 3]), b: counting([3], 10), s: { shape: [2], data: [3, 1], type: "int64" as const } },
  };
  const proto = onnxProto.onnx.ModelProto.decode(bytesOf(small));
  for (const tensor of proto.graph!.initializer!) {
    const place = kept[tensor.name as "w" | "b" | "s"];
    if (!place) continue;
    tensor.rawData = null;
    tensor.int64Data = [];
    tensor.dataLocation = 1;
    tensor.externalData = Object.entries(place).map(([key, value]) => ({ key, value: String(value) }));
  }
  const file = new Uint8Array(Float32Array.of(-1, -1, 1, 2, 3, 4, 5, 6, 10, 20, 30).buffer);
  return { bytes: onnxProto.onnx.ModelProto.encode(proto).finish(), file };
}

const both = { w: { location: "w.bin", offset: 8, length: 24 }, b: { location: "w.bin", offset: 32, length: 12 } };
const load = (bytes: Uint8Array, externalData?: ExternalFiles) => importModel(decodeModel(bytes), { externalData });

const constantsOf = (bytes: Uint8Array, files?: ExternalFiles) =>
  load(bytes, files).graph.nodes.flatMap(({ inputs }) => inputs.flatMap((input) => (input?.data ? [[...input.data]] : [])));

describe("tensors in external files", () => {
  test("several of one file, by offset and length", () => {
    const { bytes, file } = externalModel(both);
    const expected = [
      [1, 2, 3, 4, 5, 6],
      [10, 20, 30],
    ];
    expect(constantsOf(bytes, { "w.bin": file })).toEqual(expected);
    expect(constantsOf(bytes, (name) => (name === "w.bin" ? (file.buffer as ArrayBuffer) : undefined))).toEqual(expected);
    // As Node hands small files: a view into a larger buffer, not aligned to four bytes.
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    expect(constantsOf(bytes, { "w.bin": shifted.subarray(1) })).toEqual(expected);
  });

  test("without offset and length: from the start, as long as the shape says", () => {
    const { bytes, file } = externalModel({ b: { location: "sub/b.bin" } });
    expect(constantsOf(bytes, { "sub/b.bin": file.subarray(32) })[1]).toEqual([10, 20, 30]);
  });

  test("the names of the files, each once", () => {
    expect(externalFileNames(decodeModel(externalModel(both).bytes))).toEqual(["w.bin"]);
    expect(externalFileNames(decodeModel(bytesOf({ nodes: [node("Relu", ["x"], "y")] })))).toEqual([]);
  });

  test("are found also in branches and in the attributes of functions", () => {
    const tensor: onnx.ITensorProto = { dims: [1], dataType: 1, dataLocation: 1, externalData: [{ key: "location", value: "k.bin" }] };
    const constant = { opType: "Constant", output: ["k"], attribute: [{ name: "value", type: 4, t: tensor }] };
    const proto = decodeModel(bytesOf({ nodes: [node("Relu", ["x"], "y")] }));
    proto.functions = [
      { name: "f", domain: "d", node: [{ opType: "If", attribute: [{ name: "then_branch", type: 5, g: { node: [constant] } }] }] },
    ];
    expect(externalFileNames(proto)).toEqual(["k.bin"]);
  });

  const refused: readonly [string, Kept, string][] = [
    ["the parent folder", { location: "../w.bin" }, 'initialiser "w" lies in "../w.bin", which leads out of the model\'s folder'],
    ["the parent folder, half way", { location: "a/../../w.bin" }, "leads out of the model's folder"],
    ["the parent folder, with backslashes", { location: "a\\..\\..\\w.bin" }, "leads out of the model's folder"],
    ["an absolute path", { location: "/etc/passwd" }, "leads out of the model's folder"],
    ["a drive", { location: "C:\\w.bin" }, "leads out of the model's folder"],
    ["an address", { location: "https://example.org/w.bin" }, "leads out of the model's folder"],
    ["no name", { offset: 8 }, 'initialiser "w" lies in an external data file without a name'],
    ["a negative offset", { location: "w.bin", offset: -8 }, 'initialiser "w" has offset "-8" in its external data file'],
    [
      "a length that does not fit the shape",
      { location: "w.bin", length: 20 },
      'initialiser "w" needs 24 bytes, but the model gives it 20',
    ],
    ["a part beyond the end", { location: "w.bin", offset: 24 }, 'lies at bytes 24 to 48 of "w.bin", which has 44'],
    ["an offset beyond the end", { location: "w.bin", offset: "999999999999", length: 24 }, 'of "w.bin", which has 44'],
  ];
  test.each(refused)("%s is refused", (_, place, message) => {
    const { bytes, file } = externalModel({ w: place });
    const asked: string[] = [];
    const files = (name: string) => (asked.push(name), file);
    expect(() => load(bytes, files)).toThrow(OnnxFormatError);
    expect(() => load(bytes, files)).toThrow(message);
    if (message.includes("leads out")) expect(asked).toEqual([]);
  });

  test("a file that is not given is named", async () => {
    const { bytes, file } = externalModel(both);
    expect(() => load(bytes, {})).toThrow('initialiser "w" lies in the external data file "w.bin", which is not given');
    const proto = decodeModel(bytes);
    for (const data of [undefined, {}, () => undefined, async () => undefined]) {
      await expect(fetchExternalData(proto, data)).rejects.toThrow(ArgumentError);
      await expect(fetchExternalData(proto, data)).rejects.toThrow('"w.bin"');
    }
    const fetched = await fetchExternalData(proto, async () => file);
    expect(constantsOf(bytes, fetched)[1]).toEqual([10, 20, 30]);
  });

  test("a function that fetches is not asked for a name that leads out", async () => {
    const { bytes, file } = externalModel({ w: { location: "../w.bin" } });
    const asked: string[] = [];
    await expect(fetchExternalData(decodeModel(bytes), (name) => (asked.push(name), file))).rejects.toThrow("leads out");
    expect(asked).toEqual([]);
  });
});

describe("a description without the files", () => {
  test("says what the model is, and where its weights lie", () => {
    const description = describeModel(externalModel(both).bytes);
    expect(description.inputs).toEqual([{ name: "x", shape: [2] }]);
    expect(description.outputs).toEqual([{ name: "y", shape: [3, 1] }]);
    expect(description.parameters).toBe(9);
    expect(description.notes).toContain('weights lie in "w.bin", not given here');
    const whole = describeModel(externalModel(both).bytes, { externalData: { "w.bin": externalModel(both).file } });
    expect({ ...description, notes: [] }).toEqual({ ...whole, notes: [] });
    expect(whole.notes.join()).not.toContain("w.bin");
  });

  test("does not make up a shape", () => {
    const { bytes } = externalModel({ s: { location: "s.bin" } });
    expect(() => describeModel(bytes)).toThrow('initialiser "s" lies in the external data file "s.bin", which is not given');
  });

  test("takes no memory for them, whatever is folded from them", () => {
    const missing = { location: "w.bin" };
    const large = { shape: [2 ** 13, 2 ** 15], data: [], type: "float32" as const };
    const small = {
      inputs: { x: [1, 2 ** 13] },
      nodes: [
        node("Transpose", ["w"], "t"),
        node("Transpose", ["t"], "u"),
        node("Mul", ["u", "u"], "v"),
        node("MatMul", ["x", "v"], "p"),
        node("BatchNormalization", ["p", "s", "s", "s", "s"], "y"),
      ],
      constants: { s: counting([2 ** 15]) },
    };
    const proto = onnxProto.onnx.ModelProto.decode(bytesOf(small));
    const external = Object.entries(missing).map(([key, value]) => ({ key, value }));
    proto.graph!.initializer!.push({ name: "w", dims: [...large.shape], dataType: 1, dataLocation: 1, externalData: external });
    const bytes = onnxProto.onnx.ModelProto.encode(proto).finish();
    const before = process.memoryUsage().rss;
    const started = performance.now();
    const { parameters, weightBytes } = describeModel(bytes, { weights: "f16" });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 26);
    expect([parameters > 2 ** 28, weightBytes >= 2 ** 29]).toEqual([true, true]);
  });

  test("does not make integers of them", () => {
    const { bytes } = externalModel(both);
    const proto = onnxProto.onnx.ModelProto.decode(bytes);
    proto.graph!.node![2]!.input = ["q", "whole"];
    proto.graph!.node!.unshift({ opType: "Cast", input: ["b"], output: ["whole"], attribute: [{ name: "to", type: 2, i: 7 }] });
    const { unsupported } = describeModel(onnxProto.onnx.ModelProto.encode(proto).finish());
    expect(unsupported.map(({ reason }) => reason)).toEqual(["casts numbers in a file that is not given"]);
  });
});
