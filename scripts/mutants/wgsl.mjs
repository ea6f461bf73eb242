// Mutation tests of the attacks' kernels: breaks their WGSL by the rules of wgsl-rules.ts, one place at a time, and sees whether a
// test fails.
//
//   npm run mutants:wgsl [-- FILE …]
//
// FILE is a kernel, by its path from the root or the end of it. Ends with 1 where the score is too low or a survivor is not in
// survivors.json. A mutant that does not compile is none.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { createVitest } from "vitest/node";
import { root, typescriptServer } from "../typescript.mjs";
import { kernels } from "./parts.mjs";

/** A run that does not end in this time hangs: a loop on the GPU, which nothing interrupts. */
const LONGEST_RUN_MS = 120_000;
const PROGRESS_MS = 30_000;

process.chdir(root);
const asked = process.argv.slice(2);
const server = await typescriptServer();
const { judge, listed, printVerdict } = await server.ssrLoadModule("/scripts/mutants/survivors.ts");
const { mutantsOf } = await server.ssrLoadModule("/scripts/mutants/wgsl-rules.ts");
await server.close();

const started = performance.now();
const seconds = () => (performance.now() - started) / 1000;
const files = Object.keys(kernels)
  .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
  .filter((file) => asked.length === 0 || asked.some((end) => file.endsWith(end)));
const mutants = files.flatMap((file) => mutantsOf(readFileSync(file, "utf8")).map((mutant) => ({ file, ...mutant })));
if (mutants.length === 0) throw new Error(`no kernel of an attack is called ${asked.join(" or ")}`);

process.env.NUDGE_MUTANTS_WGSL = "1";
process.env.NUDGE_MUTANTS_TESTS = [...new Set(Object.values(kernels).flat())].join(" ");
const processFile = join(tmpdir(), `nudge-mutants-${process.pid}`);
// Dawn greets every process with warnings.
const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
const vitest = await createVitest(
  "test",
  { config: "scripts/mutants/vitest.config.ts", watch: false, bail: 1, reporters: [{}], onConsoleLog: () => false },
  {},
  { stdout: nowhere(), stderr: nowhere() },
);
vitest.provide("processFile", processFile);

for (const tests of Object.values(kernels)) {
  const { failed, messages } = await run(undefined, tests);
  if (failed) throw new Error(`the tests fail with nothing broken:\n${messages.join("\n")}`);
}
const results = [];
const counts = { killed: 0, survived: 0, invalid: 0 };
let shown = performance.now();
for (const mutant of mutants) {
  const outcome = await outcomeOf(mutant);
  results.push({ ...mutant, outcome });
  counts[outcome]++;
  if (outcome === "survived" || performance.now() - shown > PROGRESS_MS) {
    const { killed, survived, invalid } = counts;
    console.log(
      `${results.length}/${mutants.length}, ${seconds().toFixed(0)} s: ${killed} killed, ${survived} survived, ${invalid} do not compile` +
        (outcome === "survived" ? `; ${mutant.file}:${mutant.line}: ${mutant.from}  →  ${mutant.to}` : ""),
    );
    shown = performance.now();
  }
}
await vitest.close();
rmSync(processFile, { force: true });
const verdict = judge(
  results.filter(({ outcome }) => outcome !== "invalid"),
  listed,
);
printVerdict("mutants of kernels", verdict, seconds());
process.exit(verdict.passed ? 0 : 1);

async function outcomeOf({ file, text }) {
  const tests = Object.entries(kernels).find(([folder]) => file.startsWith(folder))[1];
  const { failed, messages } = await run({ file, text }, tests);
  if (!failed) return "survived";
  return messages.some((message) => /ShaderCompileError|does not compile/.test(message)) ? "invalid" : "killed";
}

/** Runs tests with one shader broken, in a process of their own, until one fails. */
async function run(brokenShader, tests) {
  vitest.provide("brokenShader", brokenShader);
  vitest.state.filesMap.clear();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    process.kill(Number(readFileSync(processFile, "utf8")), "SIGKILL");
  }, LONGEST_RUN_MS);
  const { testModules, unhandledErrors } = await vitest.start(tests);
  clearTimeout(timer);
  const errors = testModules.flatMap((module) => [
    ...module.errors(),
    ...[...module.children.allTests()].flatMap((test) => test.result().errors ?? []),
    ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
  ]);
  const messages = [...errors, ...unhandledErrors].map(({ name, message }) => `${name}: ${message}`);
  return { failed: hung || messages.length > 0, messages };
}
