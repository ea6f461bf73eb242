// Runs the ONNX project's cases (test/conformance/onnx-suite.ts) and prints passed, failed and not applicable per op.
//
//   npm run conformance [-- --only PATTERN] [--why] [--write]
//
// --only runs the cases whose suite/name matches a regular expression, --why prints the reason of every failure and skip,
// --write notes the counts in test/conformance/counts.json, from which docs/operators.md takes them.

import { writeFileSync } from "node:fs";
import { root, typescriptServer } from "./typescript.mjs";

const option = (name) => process.argv.includes(`--${name}`);
const only = option("only") ? new RegExp(process.argv[process.argv.indexOf("--only") + 1]) : /./;

const server = await typescriptServer();
const { runCase, suiteCases } = await server.ssrLoadModule("/test/conformance/onnx-suite.ts");
const { openGpu } = await server.ssrLoadModule("/src/cli/gpu.ts");
const cases = suiteCases().filter(({ suite, name }) => only.test(`${suite}/${name}`));
if (cases.length === 0) {
  console.error("no cases: the suite lies in shared/data/onnx-tests beside the checkout, or in $NUDGE_SHARED_DATA");
  process.exit(1);
}

const { engine } = await openGpu({ adapter: process.env.NUDGE_ADAPTER });
const perOp = new Map();
const total = { passed: 0, failed: 0, skipped: 0, vjp: 0, jvp: 0, folded: 0 };
const lines = [];
for (const entry of cases) {
  const id = `${entry.suite}/${entry.name}`;
  const outcome = await runCase(engine, entry);
  total[outcome.status]++;
  if (outcome.vjp) total.vjp++;
  if (outcome.jvp) total.jvp++;
  if (outcome.folded) total.folded++;
  if (outcome.status !== "passed") lines.push(`${outcome.status.toUpperCase().padEnd(8)}${id}  ${outcome.reason}`);
  else if (outcome.note) lines.push(`${"NOTE".padEnd(8)}${id}  ${outcome.note}`);
  for (const op of new Set(entry.ops)) {
    const counts = perOp.get(op) ?? { passed: 0, failed: 0, skipped: 0 };
    counts[outcome.status]++;
    perOp.set(op, counts);
  }
}
const rows = [...perOp].sort(([a], [b]) => a.localeCompare(b));
console.log(`${"op".padEnd(28)}${"passed".padStart(8)}${"failed".padStart(8)}${"n.a.".padStart(8)}`);
for (const [op, { passed, failed, skipped }] of rows) {
  console.log(op.padEnd(28) + [passed, failed, skipped].map((count) => String(count).padStart(8)).join(""));
}
if (option("why")) console.log(lines.join("\n"));
console.log(`\n${cases.length} cases: ${total.passed} passed, ${total.failed} failed, ${total.skipped} not applicable`);
console.log(
  `of those passed: ${total.vjp} with vjp against the reference, ${total.jvp} with jvp against vjp, ${total.folded} evaluated at load`,
);
if (option("write")) {
  const counts = Object.fromEntries(rows.filter(([, { passed }]) => passed > 0).map(([op, { passed }]) => [op, passed]));
  writeFileSync(`${root}/test/conformance/counts.json`, `${JSON.stringify(counts, null, 2)}\n`);
}
process.exit(total.failed > 0 ? 1 : 0);
