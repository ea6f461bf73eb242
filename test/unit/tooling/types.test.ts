/** The published types in an app's strict project, which checks them too, in TypeScript 5.9 and 6, with and without WebGPU's types. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { emitTypes } from "../../../scripts/build.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const require = createRequire(import.meta.url);
const run = promisify(execFile);

const APP = `
import { createEngine, deepfool, describeModel, encodeCheckpoint, evaluate, LimitError, project, universalPerturbation } from "nudge-webgpu";
import type { Engine, ForwardOptions, LoadOptions, Model, NdArray, UniversalState } from "nudge-webgpu";
import { tune } from "nudge-webgpu/tune";

const options: LoadOptions = { dimensions: { "x:2": 48 }, maxBatch: 4 };
const engine: Engine = await createEngine();
const device: GPUDevice = engine.device;
using model: Model = await engine.load(new Uint8Array(), options);
const x: NdArray = { shape: [1], data: new Float32Array(1) };
const check: ForwardOptions = { check: "finite" };
await model.forward(x, check);
const gradient = await (await model.vjp(x, x)).read();
const { perturbations } = await deepfool(model, gradient);
const kept: UniversalState[] = [];
await universalPerturbation(model, perturbations, { norm: Infinity, radius: 0.1, checkpoint: { save: (state) => void kept.push(state) } });
await encodeCheckpoint(kept[0]!);
export const all = [describeModel(new Uint8Array()).ops, evaluate, project, tune, device, new LimitError("a", 1, 2, "b").message];
`;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nudge-types-"));
  const installed = join(folder, "node_modules/nudge-webgpu");
  mkdirSync(installed, { recursive: true });
  cpSync(join(ROOT, "package.json"), join(installed, "package.json"));
  await emitTypes(join(installed, "dist/types"));
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  writeFileSync(join(folder, "app.ts"), APP);
  mkdirSync(join(folder, "node_modules/@webgpu"));
  symlinkSync(join(ROOT, "node_modules/@webgpu/types"), join(folder, "node_modules/@webgpu/types"));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the compiler has to say about the app. */
async function messages(compiler: string, options: object, code = APP): Promise<string> {
  writeFileSync(join(folder, "app.ts"), code);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    target: "es2022",
    ...options,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
  const tsc = require.resolve(`${compiler}/bin/tsc`);
  return run(process.execPath, [tsc, "-p", folder]).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
}

const node = { module: "nodenext", lib: ["es2022", "dom"], types: [] };
const bundler = { module: "esnext", moduleResolution: "bundler", lib: ["esnext", "dom"], types: [] as string[] };

const language = { ...node, lib: ["es2022"] };

test.each([
  ["5.9, Node's resolution, no types of WebGPU", "typescript-5", node],
  ["5.9, a bundler's resolution, the newest library, @webgpu/types", "typescript-5", { ...bundler, types: ["@webgpu/types"] }],
  // Its library has WebGPU's types, with which those of @webgpu/types conflict.
  ["6, a bundler's resolution, the newest library", "typescript", bundler],
  ["6, no library but the language's", "typescript", language],
])(
  "TypeScript %s",
  async (_, compiler, options) => {
    expect(await messages(compiler, options)).toBe("");
  },
  60_000,
);

test("a wrong use of the library is an error, and WebGPU's types are the app's own", async () => {
  const wrong = APP.replace('"finite"', '"infinite"').replace(
    "const device: GPUDevice = engine.device;",
    "const device: number = engine.device.limits;",
  );
  const said = await messages("typescript", bundler, wrong);
  expect(said).toContain("TS2322");
  expect(said).toContain("GPUSupportedLimits");
}, 60_000);
