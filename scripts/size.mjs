// What a web app pays for Nudge: minified and compressed sizes of what a page downloads at first, by what it uses, and of the ops
// that few networks need, which a page fetches when a model has one (docs/architecture.md); then each public export alone, with the
// most that it may be (bench/sizes.ts).
//
//   npm run size [-- --modules]
//
// --modules adds what each source file weighs, compressed by itself, the heaviest first.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundle, exporting, measureBundle, ONNX_READING } from "./bundle-size.mjs";
import { typescriptServer } from "./typescript.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Bytes of each module within a bundle of everything, before minification, and compressed by itself. */
async function modules() {
  const output = await bundle(exporting("*"), [], false);
  const list = output.flatMap((chunk) => Object.entries(chunk.modules ?? {}));
  return list
    .map(([id, { code }]) => ({
      id: id.replace(ROOT, "").replace("?raw", ""),
      minified: Buffer.byteLength(code ?? ""),
      gzip: gzipSync(code ?? "", { level: 9 }).length,
    }))
    .filter(({ minified }) => minified > 0)
    .sort((a, b) => b.gzip - a.gzip);
}

const bytes = (count) => count.toLocaleString("en").padStart(12);
const print = (what, { minified, gzip }, more = "") => console.log(`${what.padEnd(50)}${bytes(minified)}${bytes(gzip)}${more}`);
const sum = (some) => ({
  minified: some.reduce((total, { minified }) => total + minified, 0),
  gzip: some.reduce((total, { gzip }) => total + gzip, 0),
});

const engine = await measureBundle(exporting("createEngine"));
const withDeepfool = await measureBundle(exporting("createEngine, deepfool"));
const withAttacks = await measureBundle(exporting("createEngine, deepfool, universalPerturbation, evaluate, project"));
const withoutReading = await measureBundle(exporting("createEngine"), ONNX_READING);
const everything = await measureBundle(exporting("*"));
const tuner = await measureBundle(`export * from ${JSON.stringify(`${ROOT}src/tune.ts`)};`, [/src\/index\.ts$/]);

console.log(`${"bytes".padEnd(50)}${"minified".padStart(12)}${"gzip".padStart(12)}`);
print("createEngine, convolutional and dense networks", engine);
print("  of these for reading ONNX files", {
  minified: engine.minified - withoutReading.minified,
  gzip: engine.gzip - withoutReading.gzip,
});
print("  and deepfool", withDeepfool);
print("  and universalPerturbation, evaluate, project", withAttacks);
print("rare ops, a second download where a model has one", engine.later);
print("everything, rare ops included", sum([everything, everything.later]));
print("tuner, beside it", tuner);

console.log(`\n${"each public export alone".padEnd(50)}${"minified".padStart(12)}${"gzip".padStart(12)}${"budget".padStart(12)}`);
const server = await typescriptServer();
const { EXPORT_BUDGETS } = await server.ssrLoadModule("/bench/sizes.ts");
await server.close();
for (const [name, budget] of Object.entries(EXPORT_BUDGETS)) print(name, await measureBundle(exporting(name)), bytes(budget));

if (process.argv.includes("--modules")) {
  const list = await modules();
  console.log(`\n${"each by itself".padEnd(50)}${"unminified".padStart(12)}${"gzip".padStart(12)}`);
  print("all shaders", sum(list.filter(({ id }) => id.endsWith(".wgsl"))));
  for (const module of list) print(module.id, module);
}
