// What a web app pays for Nudge: minified and compressed sizes, with the reading of ONNX files stated apart.
//
//   npm run size [-- --modules]
//
// --modules adds what each source file weighs, compressed by itself, the heaviest first.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundle, measureBundle } from "./bundle-size.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DECODER = [/^onnx-proto/, /^protobufjs/];
const KIB = 1024;

const exporting = (names) => `export ${names} from ${JSON.stringify(`${ROOT}src/index.ts`)};`;
const measure = (names, external) => measureBundle(exporting(names), external);

/** Bytes of each module within a bundle of everything, before minification, and compressed by itself. */
async function modules() {
  const output = await bundle(exporting("*"), [], false);
  const list = output.flatMap((chunk) => Object.entries(chunk.modules ?? {}));
  return list
    .map(([id, { code }]) => ({
      id: id.replace(ROOT, "").replace("?raw", ""),
      bytes: Buffer.byteLength(code ?? ""),
      gzip: gzipSync(code ?? "", { level: 9 }).length,
    }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.gzip - a.gzip);
}

const kib = (bytes) => `${(bytes / KIB).toFixed(1)} KiB`.padStart(12);
const print = (what, { minified, gzip }) => console.log(`${what.padEnd(34)}${kib(minified)}${kib(gzip)}`);

const everything = await measure("*");
const withoutDecoder = await measure("*", DECODER);
const withoutAttacks = await measure("{ createEngine }", DECODER);
const loading = await measure("{ createEngine }");
const tuner = await measureBundle(`export * from ${JSON.stringify(`${ROOT}src/tune.ts`)};`, [/src\/index\.ts$/]);

console.log(`${"".padEnd(34)}${"minified".padStart(12)}${"gzip".padStart(12)}`);
print("engine, kernels and attacks", withoutDecoder);
print("  of these for createEngine alone", withoutAttacks);
print("reading ONNX files", {
  minified: everything.minified - withoutDecoder.minified,
  gzip: everything.gzip - withoutDecoder.gzip,
});
print("createEngine and reading ONNX", loading);
print("everything", everything);
print("tuner, beside it", tuner);

if (process.argv.includes("--modules")) {
  const list = await modules();
  const total = (some) => ({
    minified: some.reduce((sum, { bytes }) => sum + bytes, 0),
    gzip: some.reduce((sum, { gzip }) => sum + gzip, 0),
  });
  console.log(`\n${"each by itself".padEnd(44)}${"unminified".padStart(12)}${"gzip".padStart(12)}`);
  const row = (what, { minified, gzip }) => console.log(`${what.padEnd(44)}${kib(minified)}${kib(gzip)}`);
  row("all shaders", total(list.filter(({ id }) => id.endsWith(".wgsl"))));
  for (const { id, bytes, gzip } of list) row(id, { minified: bytes, gzip });
}
