/** The decoder that bundles carry against the whole of onnx-proto, on files whole, cut short and damaged. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeOnlyOnnx } from "../../../scripts/vite-plugins.ts";
import { sharedData } from "../../conformance/shared-data.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const modelsIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".onnx"));
const MODELS = modelsIn(join(ROOT, "models")).map((path) => join(ROOT, "models", path));

let place: string;
let code: string;
let small: typeof onnx;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "nudge-decoder-"));
  const result = await build({
    root: ROOT,
    configFile: false,
    logLevel: "error",
    plugins: [
      decodeOnlyOnnx(),
      {
        name: "entry",
        resolveId: (id) => (id.endsWith("decoder-entry") ? "decoder-entry" : undefined),
        load: (id) =>
          id === "decoder-entry" ? `export { default } from ${JSON.stringify(`${ROOT}node_modules/onnx-proto/dist/onnx.js`)};` : undefined,
      },
    ],
    build: { write: false, minify: false, lib: { entry: "decoder-entry", formats: ["es"], fileName: "decoder" } },
  });
  code = ([result].flat() as { output: { code: string }[] }[])[0]!.output[0]!.code;
  const file = join(place, "decoder.mjs");
  writeFileSync(file, code);
  small = ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { default: typeof onnxProto }).default.onnx;
});
afterAll(() => rmSync(place, { recursive: true }));

/** A message as plain data, int64 as a double; long lists of numbers as they are. */
function plain(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if ("low" in value && "high" in value && "toNumber" in value) return (value as { toNumber(): number }).toNumber();
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function outcome(decoder: typeof onnx, bytes: Uint8Array): unknown {
  try {
    return plain(decoder.ModelProto.decode(bytes));
  } catch (error) {
    return (error as Error).message;
  }
}

function expectSame(bytes: Uint8Array, what: string): void {
  const [mine, whole] = [outcome(small, bytes), outcome(onnxProto.onnx, bytes)];
  // Not toEqual: for megabytes of text a difference is all that should be printed.
  if (JSON.stringify(mine) === JSON.stringify(whole)) return;
  expect(JSON.stringify(mine)?.slice(0, 2000), what).toBe(JSON.stringify(whole)?.slice(0, 2000));
  throw new Error(`${what}: the decoders differ`);
}

describe("the decoder of the bundle", () => {
  test("decodes and does nothing else", () => {
    for (const absent of [".encode", ".verify", ".fromObject", ".toObject", "WebAssembly", "eval(", "$Writer"]) {
      expect(code).not.toContain(absent);
    }
    expect(code.length).toBeLessThan(60_000);
  });

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

  test("fails alike on bytes that are cut short, damaged or no model", () => {
    const bytes = new Uint8Array(readFileSync(MODELS.find((path) => path.endsWith("lenet.onnx"))!)).slice(0, 3000);
    for (let length = 0; length < 400; length++) expectSame(bytes.subarray(0, length), `the first ${length} bytes`);
    for (let at = 0; at < 400; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << (at % 8);
      expectSame(damaged, `a bit of byte ${at} changed`);
    }
    expectSame(new TextEncoder().encode("<!doctype html><html>"), "a page");
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
