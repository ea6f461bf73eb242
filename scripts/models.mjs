// Writes docs/models.md: what every network of the test collection costs, and how exact it and its derivatives are.
//
//   npm run models [-- --static] [-- --only PATTERN]
//
// --static refreshes the columns that need no GPU and keeps the measured ones; --only measures the networks whose file matches
// a regular expression and keeps what the page says of the others.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { root, typescriptServer } from "./typescript.mjs";

const option = (name) => process.argv.includes(`--${name}`);
const only = option("only") ? new RegExp(process.argv[process.argv.indexOf("--only") + 1]) : /./;

const server = await typescriptServer();
const { indexedModels, readBytes } = await server.ssrLoadModule("/test/conformance/shared-data.ts");
const { measuredIn, modelsPage, readModelsPage } = await server.ssrLoadModule("/scripts/models-table.ts");
const { derivativeErrors, dimensions, forwardError } = await server.ssrLoadModule("/test/conformance/measurements.ts");
const { describeModel, loadRareOps } = await server.ssrLoadModule("/src/index.ts");
await loadRareOps();

const entries = indexedModels();
if (entries.length === 0) {
  console.error("no models: they lie in shared/data/models beside the checkout, or in $NUDGE_SHARED_DATA");
  process.exit(1);
}
const path = `${root}/docs/models.md`;
const before = existsSync(path) ? readModelsPage(readFileSync(path, "utf8")) : { rows: [], adapter: "" };
const number = (value) => value.toExponential(1);

let adapter = before.adapter;
let measure = () => undefined;
if (!option("static")) {
  const { describeAdapter, openGpu } = await server.ssrLoadModule("/src/cli/gpu.ts");
  const { OrtReference } = await server.ssrLoadModule("/test/gpu/onnxruntime.ts");
  const { engine, info } = await openGpu({ adapter: process.env.NUDGE_ADAPTER });
  adapter = describeAdapter(info);
  measure = async (entry, bytes) => {
    const model = await engine.load(bytes, { name: entry.file, dimensions });
    const ort = await OrtReference.load(bytes);
    const [batch1, batch5] = [await forwardError(model, ort, entry, 1), await forwardError(model, ort, entry, 5)].map(number);
    const errors = await derivativeErrors(engine, bytes, model).catch((error) => {
      if (error.name === "UnsupportedOpError") return undefined;
      throw error;
    });
    model.dispose();
    if (!errors) return { batch1, batch5, adjoint: "none: integers", directional: "" };
    const note = { float64: "", "float64, 64×64": " _64×64_", segment: " _segment_" }[errors.against];
    return { batch1, batch5, adjoint: number(errors.adjoint), directional: `${number(errors.directional)}${note}` };
  };
}

const rows = [];
for (const entry of entries) {
  const bytes = readBytes(`models/${entry.file}`);
  const described = describeModel(bytes, { dimensions });
  const refused = described.unsupported.length > 0;
  const known = measuredIn(before.rows.find(([file]) => file === entry.file));
  const fresh = refused || option("static") || !only.test(entry.file) ? undefined : await measure(entry, bytes);
  const measured = refused ? undefined : (fresh ?? known);
  if (fresh) console.log(entry.file, ...Object.values(fresh));
  rows.push({ file: entry.file, described, measured });
}
writeFileSync(path, modelsPage(rows, adapter));
console.log(`docs/models.md: ${rows.length} models`);
process.exit(0);
