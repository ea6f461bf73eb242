/** What an app's visitors download: each contestant as an app's bundler leaves it, minified and compressed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { exporting, measureBundle, type BundleSize } from "../scripts/bundle-size.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ORT = join(ROOT, "node_modules/onnxruntime-web/dist");

/** Most bytes of what a page with DeepFool downloads at first, the reading of ONNX files included. */
export const SIZE_TARGET = 70_000;

/** Most bytes of each public export in an app that takes it alone, after gzip: some percent above what it is. */
export const EXPORT_BUDGETS: Readonly<Record<string, number>> = {
  createEngine: 63_000,
  describeModel: 50_000,
  loadRareOps: 34_000,
  deepfool: 11_200,
  universalPerturbation: 14_200,
  evaluate: 3_500,
  labelsOf: 1_700,
  project: 1_400,
  decodeCheckpoint: 1_150,
  encodeCheckpoint: 800,
  ...each(300, "deepfoolDefaults", "universalDefaults", "evaluateDefaults", "overshootRules", "NO_LABEL"),
  ...each(400, "NudgeError", "AdapterError", "ArgumentError", "CheckpointError", "DeviceLostError", "DisposedError", "GpuError"),
  ...each(400, "LimitError", "NonFiniteError", "OnnxFormatError", "ShaderCompileError", "ShapeError", "UnsupportedOpError"),
};

function each(budget: number, ...names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, budget]));
}

export interface SizeRow {
  readonly name: string;
  readonly size: BundleSize;
  /** WebAssembly that is fetched beside the code. */
  readonly wasm?: BundleSize;
  /** Ops that few networks need, which are fetched when a model has one. */
  readonly later?: BundleSize;
}

function published(...files: string[]): BundleSize {
  const contents = files.map((file) => readFileSync(join(ORT, file)));
  return {
    minified: contents.reduce((sum, { length }) => sum + length, 0),
    gzip: contents.reduce((sum, content) => sum + gzipSync(content, { level: 9 }).length, 0),
  };
}

const apart = ({ later, ...size }: BundleSize & { later: BundleSize }) => ({ size, later });

/** Nudge as an app with DeepFool takes it and whole, both with the reading of ONNX, then the peers. */
export async function measureSizes(): Promise<SizeRow[]> {
  const jax = `export * from "@jax-js/jax";`;
  return [
    { name: "Nudge with DeepFool", ...apart(await measureBundle(exporting("createEngine, deepfool"))) },
    { name: "Nudge, all of it", ...apart(await measureBundle(exporting("*"))) },
    { name: "jax-js", size: await measureBundle(jax) },
    { name: "jax-js with ONNX reading", size: await measureBundle(`${jax} export * from "@jax-js/onnx";`) },
    { name: "tfjs with WebGPU", size: await measureBundle(`export * from "@tensorflow/tfjs"; import "@tensorflow/tfjs-backend-webgpu";`) },
    { name: "ORT jsep", size: published("ort.bundle.min.mjs"), wasm: published("ort-wasm-simd-threaded.jsep.wasm") },
    { name: "ORT webgpu", size: published("ort.webgpu.bundle.min.mjs"), wasm: published("ort-wasm-simd-threaded.asyncify.wasm") },
  ];
}
