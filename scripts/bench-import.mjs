// What it costs to import a large model file: time and peak memory, of one or more builds in turns.
//
//   npm run bench:import -- [DIST…] [--megabytes 100] [--rounds 7]
//
// Each round is a process of its own that reads the file and calls describeModel, without a GPU. Two files: tensors as raw bytes, as
// every exporter writes them, and as lists of floats. The medians are printed.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import onnxProto from "onnx-proto";

const ROWS = 1000;
const LAYERS = 10;

if (process.argv[2] === "--one") {
  const [dist, file] = process.argv.slice(3);
  const { describeModel } = await import(join(dist, "index.js"));
  const bytes = readFileSync(file);
  const start = performance.now();
  describeModel(bytes);
  const ms = performance.now() - start;
  console.log(JSON.stringify({ ms, rss: process.resourceUsage().maxRSS / 1024 }));
} else {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { megabytes: { type: "string", default: "100" }, rounds: { type: "string", default: "7" } },
  });
  const dists = (positionals.length > 0 ? positionals : ["dist"]).map((dist) => resolve(dist));
  const folder = mkdtempSync(join(tmpdir(), "nudge-import-"));
  try {
    for (const kind of ["raw bytes", "lists of floats"]) {
      const file = join(folder, "model.onnx");
      writeFileSync(file, modelOf(Number(values.megabytes) * 1e6, kind));
      const runs = dists.map(() => []);
      for (let round = 0; round < Number(values.rounds); round++) dists.forEach((dist, i) => runs[i].push(measure(dist, file)));
      dists.forEach((dist, i) => {
        const median = (key) => runs[i].map((run) => run[key]).sort((a, b) => a - b)[runs[i].length >> 1];
        console.log(`${kind.padEnd(16)} ${dist}: ${median("ms").toFixed(0)} ms, peak ${median("rss").toFixed(0)} MiB`);
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(dist, file) {
  return JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--one", dist, file], { encoding: "utf8" }));
}

/** The bytes of a network of as many bytes of weights: products one after another. */
function modelOf(size, kind) {
  const columns = Math.round(size / 4 / LAYERS / ROWS);
  const weights = Float32Array.from({ length: ROWS * columns }, (_, i) => Math.sin(i));
  const data = kind === "raw bytes" ? { rawData: new Uint8Array(weights.buffer) } : { floatData: weights };
  const initializer = Array.from({ length: LAYERS }, (_, i) => ({
    name: `w${i}`,
    dims: i % 2 ? [columns, ROWS] : [ROWS, columns],
    dataType: 1,
    ...data,
  }));
  const node = initializer.map(({ name }, i) => ({ opType: "MatMul", input: [`x${i}`, name], output: [`x${i + 1}`] }));
  const value = (name, extent) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }, { dimValue: extent }] } } },
  });
  const graph = { name: "large", node, initializer, input: [value("x0", ROWS)], output: [value(`x${LAYERS}`, ROWS)] };
  return onnxProto.onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph }).finish();
}
