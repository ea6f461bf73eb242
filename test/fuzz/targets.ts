/** What is fuzzed: samples, how a case is made of one, and the code that has to take it or refuse it by a named error. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readAnyModel } from "../../src/cli/model-file.ts";
import { loadImages } from "../../src/data/images.ts";
import { decodeNpy, encodeNpy } from "../../src/data/npy.ts";
import { parsePreprocessing, resolvePreprocessing } from "../../src/data/preprocessing.ts";
import { decodeCheckpoint, describeModel, encodeCheckpoint, loadRareOps } from "../../src/index.ts";
import type { AdapterDescription, UniversalState } from "../../src/index.ts";
import { checkUniversalState } from "../../src/algorithms/universal-state.ts";
import { jvpGraph, vjpGraph } from "../../src/runtime/graph/differentiate.ts";
import { simplify } from "../../src/runtime/graph/simplify.ts";
import { decodeModel } from "../../src/runtime/onnx/decode.ts";
import { importModel } from "../../src/runtime/onnx/import.ts";
import { checkTable, emptyTable } from "../../src/runtime/rare/tuning-table.ts";
import { encodeModel } from "../reference/onnx-builder.ts";
import { damaged } from "./bytes.ts";
import { generatedModels } from "./generated.ts";
import { restructured } from "./models.ts";
import type { Choices } from "./random.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Target {
  readonly name: string;
  /** Share of the cases. */
  readonly share: number;
  samples(): Promise<readonly Uint8Array[]>;
  make(sample: Uint8Array, choose: Choices): Uint8Array | undefined;
  run(bytes: Uint8Array): unknown;
  /** Numbers that a caller would feed to what the file describes. */
  fed?(bytes: Uint8Array): number;
}

const filesIn = (folder: string, ending: RegExp) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => ending.test(name))
    .map((name) => new Uint8Array(readFileSync(join(ROOT, folder, name))));

/** Bytes above which a model is left out: its weights would be read and written again for each case. */
const MOST_SAMPLE_BYTES = 2e5;

/** Models of the package, of the tests, and small ones of many ops. */
async function models(): Promise<readonly Uint8Array[]> {
  await loadRareOps();
  const generated = generatedModels.map((model) => encodeModel(model));
  return [...filesIn("models", /\.onnx$/), ...filesIn("test/fixtures", /\.onnx$/), ...generated].filter(
    ({ length }) => length < MOST_SAMPLE_BYTES,
  );
}

/** Import, simplification and plans of the forward pass and of derivatives. */
function runModel(bytes: Uint8Array): void {
  const { unsupported } = describeModel(bytes);
  if (unsupported.length > 0) return;
  const graph = simplify(importModel(decodeModel(bytes), { allowMissingFiles: true }).graph);
  const [input, output] = [graph.inputs[0]!, graph.outputs[0]!];
  const forward = { ...graph, outputs: [output] };
  for (const differentiate of [vjpGraph, jvpGraph]) differentiate(forward, output, input);
}

/** Elements of the first input, which derivatives are taken by. */
function fedTo(bytes: Uint8Array): number {
  try {
    return describeModel(bytes).inputs[0]?.shape.reduce((a, b) => a * b, 1) ?? 0;
  } catch {
    return 0;
  }
}

/** A folder with what a model could reach: a file, a folder, and links out of it. */
let folder: string | undefined;
function modelFolder(): string {
  if (folder) return folder;
  const made = mkdtempSync(join(tmpdir(), "nudge-fuzz-"));
  folder = made;
  writeFileSync(join(made, "weights.bin"), new Uint8Array(4096));
  mkdirSync(join(made, "folder"));
  writeFileSync(join(made, "folder", "inside.bin"), new Uint8Array(64));
  symlinkSync("/etc/hostname", join(made, "link.bin"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}

const adapter: AdapterDescription = { vendor: "v", architecture: "a", device: "", description: "", software: true, features: [] };
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const utf8 = new TextDecoder();

const checkpointState = (): UniversalState => ({
  version: 1,
  method: "universal",
  model: { hash: "h", preprocessing: "none", weights: "f32", tuning: "none" },
  options: { norm: Infinity, radius: 0.1, seed: 0 },
  images: "i",
  labels: new Uint32Array(3),
  validationLabels: new Uint32Array(),
  passes: [{ pass: 1, foolingRate: 0.5, norm: 0.1, updates: 2, seconds: 1 }],
  best: new Float32Array(4),
  bestRate: 0.5,
  v: new Float32Array(4),
  norm: 0.1,
  visited: 1,
  updates: 1,
  givenUp: 0,
  passSeconds: 1,
  seconds: 2,
});

export const targets: readonly Target[] = [
  { name: "model bytes", share: 6, samples: models, make: damaged, run: runModel, fed: fedTo },
  { name: "model structure", share: 8, samples: models, make: restructured, run: runModel, fed: fedTo },
  {
    name: "model files",
    share: 1,
    samples: models,
    make: restructured,
    run: (bytes) => {
      const path = join(modelFolder(), "model.onnx");
      writeFileSync(path, bytes);
      return readAnyModel(path);
    },
  },
  {
    name: "npy",
    share: 2,
    samples: () =>
      Promise.resolve([
        encodeNpy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }),
        encodeNpy({ shape: [], data: Float32Array.of(7) }),
        encodeNpy({ shape: [1, 1, 28, 28], data: new Float32Array(784) }),
      ]),
    make: damaged,
    run: (bytes) => decodeNpy(bytes),
  },
  {
    name: "images",
    share: 1,
    samples: () => Promise.resolve(filesIn("test/unit/data/pictures", /\.(jpg|gif|bmp|webp|avif|png)$/)),
    make: damaged,
    run: (bytes) => {
      const pictures = join(modelFolder(), "pictures");
      mkdirSync(pictures, { recursive: true });
      // Formats are told by their content.
      writeFileSync(join(pictures, "picture.png"), bytes);
      return loadImages(pictures, { size: [28, 28], resize: 28, range: [0, 1], channels: "rgb", layout: "NCHW" });
    },
  },
  {
    name: "JSON",
    share: 1,
    samples: () =>
      Promise.resolve([...filesIn("models", /^(lenet|fc500-150)\.json$/), text({ ...emptyTable(adapter), choices: { a: "tiled" } })]),
    make: damaged,
    run: (bytes) => {
      const content = utf8.decode(bytes);
      const options = parsePreprocessing(content, "net.json");
      resolvePreprocessing(options, [1, 28, 28], "net.onnx");
    },
  },
  {
    name: "tuning tables",
    share: 0.5,
    samples: () => Promise.resolve([text({ ...emptyTable(adapter), choices: { a: "tiled" } }), text([1]), text("x")]),
    make: damaged,
    run: (bytes) => {
      let table: unknown;
      try {
        table = JSON.parse(utf8.decode(bytes));
      } catch {
        return;
      }
      checkTable(table, adapter);
    },
  },
  {
    name: "checkpoints",
    share: 0.5,
    samples: async () => [await encodeCheckpoint(checkpointState())],
    // A stranger's checkpoint has a checksum that is right.
    make: damaged,
    run: async (bytes) => {
      const state = await decodeCheckpoint<UniversalState>(await withChecksum(bytes));
      checkUniversalState(state, { elements: 4, total: 3, held: 0, classes: 10, maxPasses: 5 });
    },
  },
];

async function withChecksum(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length < 33 || bytes.at(-1)! % 4 === 0) return bytes;
  const content = bytes.slice(0, -32);
  const whole = new Uint8Array(bytes.length);
  whole.set(content);
  whole.set(new Uint8Array(await crypto.subtle.digest("SHA-256", content)), content.length);
  return whole;
}
