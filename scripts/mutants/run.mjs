// Mutation tests with StrykerJS: breaks the code in small ways, one at a time, and sees whether a test fails.
//
//   npm run mutants [-- PART [FILE …]] [--fresh]
//
// PART is one of parts.mjs, or all of them where none is named; FILE limits a part to some of its sources. Mutants whose code and tests
// are those of an earlier run are not run again, unless --fresh is given; results are kept in reports/, which git ignores. Ends with 1
// where the score is too low or a survivor is not in survivors.json.

import { mkdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { root, typescriptServer } from "../typescript.mjs";
import { parts } from "./parts.mjs";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { fresh: { type: "boolean", default: false } } });
const [only, ...files] = positionals;
if (only && !(only in parts)) throw new Error(`there is no part "${only}"; there are ${Object.keys(parts).join(", ")}`);

process.chdir(root);
mkdirSync("reports", { recursive: true });
const server = await typescriptServer();
const { cut, judge, listed, printVerdict } = await server.ssrLoadModule("/scripts/mutants/survivors.ts");
await server.close();

/** What becomes of a mutant. Those that are static, excluded, or do not run at all are no mutants. */
const outcomes = { Killed: "killed", Timeout: "killed", RuntimeError: "killed", Survived: "survived", NoCoverage: "uncovered" };

let passed = true;
for (const name of only ? [only] : Object.keys(parts)) {
  const started = performance.now();
  const results = await mutationTest(name, files.length > 0 ? files : parts[name].mutate);
  const verdict = judge(results, listed);
  printVerdict(`mutants of ${name}`, verdict, (performance.now() - started) / 1000);
  passed &&= verdict.passed;
}
process.exit(passed ? 0 : 1);

async function mutationTest(name, mutate) {
  process.env.NUDGE_MUTANTS_TESTS = parts[name].tests.join(" ");
  const stryker = new Stryker({
    mutate,
    testRunner: "vitest",
    vitest: { configFile: "scripts/mutants/vitest.config.ts", related: false },
    plugins: ["@stryker-mutator/vitest-runner"],
    coverageAnalysis: "perTest",
    // A process of GPU tests keeps more than one core busy by itself.
    concurrency: Number(process.env.NUDGE_MUTANTS_CONCURRENCY ?? 1),
    // Mutants that only module loading reaches, such as tables of constants, would need a process each with all tests.
    ignoreStatic: true,
    // Texts of messages and labels: tests match those that matter, and the others say nothing about behaviour.
    mutator: { excludedMutations: ["StringLiteral"] },
    incremental: true,
    incrementalFile: `reports/mutants-${name}.json`,
    force: values.fresh,
    timeoutMS: 10_000,
    // These are no sources of the tests, and copying them into the sandbox takes longer than some parts.
    ignorePatterns: ["/bench/results", "/dist", "/reports", "/docs"],
    tempDirName: "reports/sandbox",
    reporters: ["progress-append-only"],
    allowEmpty: true,
    logLevel: "warn",
  });
  const results = await stryker.runMutationTest();
  return results
    .filter(({ status }) => status in outcomes)
    .map(({ fileName, location: { start, end }, replacement, status }) => {
      const file = relative(root, fileName);
      return { file, ...cut(readFileSync(file, "utf8"), start, end), to: replacement, outcome: outcomes[status] };
    });
}
