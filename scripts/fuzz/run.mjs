// Feeds damaged files to everything that reads files of strangers, and reports what was not refused as it should be.

import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { typescriptServer } from "../typescript.mjs";

const HELP = `npm run fuzz -- [options]

Makes files that are damaged in their bytes or in their structure, of models, arrays, images, JSON files, tuning tables and
checkpoints, and has each read as the library and the command read it. A case is a fault when it ends in an error that is none of
the library's, takes more than 2 s, takes more memory than 4 times the file and 64 MB, or ends the process.

  --cases N        cases in all (default 2000), divided among the targets
  --seed S         of the random choices (default 1): the same seed makes the same files
  --target NAME    one target only; --target list names them
  --only I         case I of one target, with what became of it
  --keep DIR       write the file of every fault (of every case with --only) to DIR

Exit code 1 where there is a fault. Examples:

  npm run fuzz -- --cases 100000 --seed 7
  npm run fuzz -- --target "model structure" --seed 7 --only 4711 --keep faults`;

/** Silence for so long means that the worker hangs; it is killed. */
const PATIENCE_MS = 4000;
const START_MS = 60_000;
const MOST_SHOWN = 20;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    only: { type: "string" },
    keep: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function fail(message) {
  console.error(`fuzz: ${message}`);
  process.exit(2);
}

function count(name, least) {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < least) fail(`--${name} is ${values[name]}, expected an integer of at least ${least}`);
  return number;
}

if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const cases = count("cases", 1);
const seed = count("seed", 0);
const only = values.only === undefined ? undefined : count("only", 0);

const server = await typescriptServer();
const { targets } = await server.ssrLoadModule("/test/fuzz/targets.ts");
const { makeCase, shares } = await server.ssrLoadModule("/test/fuzz/cases.ts");
const names = targets.map(({ name }) => name);
if (values.target === "list") {
  console.log(names.join("\n"));
  process.exit(0);
}
if (values.target !== undefined && !names.includes(values.target))
  fail(`there is no target "${values.target}"; there are ${names.join(", ")}`);
if (only !== undefined && values.target === undefined) fail("--only takes a case of one target: give --target, too");
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);

/** Runs cases of a target in a child process from `from` on; resolves with where it stopped and why. */
function work(target, from, to, onEnded) {
  return new Promise((resolve) => {
    const worker = fork(fileURLToPath(new URL("worker.mjs", import.meta.url)), [], {
      execArgv: ["--expose-gc", "--max-old-space-size=1024"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let current = from;
    let said = "";
    let why;
    let timer;
    const watch = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        why = ms === START_MS ? "the worker does not start" : "it hangs";
        worker.kill("SIGKILL");
      }, ms);
    };
    watch(START_MS);
    worker.stderr.on("data", (text) => (said = (said + text).slice(-2000)));
    worker.on("message", ({ ready, began, ended, ...ending }) => {
      if (ready) worker.send({ target: target.name, seed, from, to });
      else watch(PATIENCE_MS);
      if (began !== undefined) current = began;
      if (ended === undefined) return;
      current = ended + 1;
      onEnded(ended, ending);
    });
    worker.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (current < to)
        onEnded(current, {
          kind: "fault",
          why: why ?? `the process ended (${signal ?? code}): ${said.trim().split("\n").slice(-3).join(" ")}`,
        });
      resolve(Math.min(to, current + 1));
    });
  });
}

async function keep(target, index) {
  if (values.keep === undefined) return;
  const bytes = makeCase(target, await target.samples(), seed, index);
  if (!bytes) return;
  mkdirSync(values.keep, { recursive: true });
  const file = join(values.keep, `${target.name.replaceAll(" ", "-")}-${seed}-${index}.bin`);
  writeFileSync(file, bytes);
  console.log(`  ${file}: ${bytes.length} bytes`);
}

const started = performance.now();
const parts = only === undefined ? shares(chosen, cases) : [1];
const total = parts.reduce((sum, part) => sum + part, 0);
const rows = [];
let done = 0;
let shown = 0;
for (const [i, target] of chosen.entries()) {
  const row = { target: target.name, cases: 0, accepted: 0, refused: 0, untyped: 0, slow: 0, memory: 0, ended: 0 };
  rows.push(row);
  const [from, to] = only === undefined ? [0, parts[i]] : [only, only + 1];
  const faults = [];
  const onEnded = (index, { kind, why }) => {
    done++;
    if (kind !== "empty") row.cases++;
    if (kind === "accepted" || kind === "refused") row[kind]++;
    if (kind === "fault") {
      row[
        /^it (took [\d.]+ s|hangs)/.test(why) ? "slow" : /MB/.test(why) ? "memory" : /^the (process|worker)/.test(why) ? "ended" : "untyped"
      ]++;
      faults.push(index);
      if (shown++ < MOST_SHOWN) console.log(`\n${target.name}, seed ${seed}, case ${index}: ${why}`);
    } else if (only !== undefined) console.log(`${target.name}, seed ${seed}, case ${index}: ${kind}`);
    if (process.stderr.isTTY || done % 2000 === 0) {
      const left = ((performance.now() - started) / done / 1000) * (total - done);
      process.stderr.write(
        `${process.stderr.isTTY ? "\r\x1b[K" : ""}${done}/${total} ${target.name}, ${Math.ceil(left)} s left${process.stderr.isTTY ? "" : "\n"}`,
      );
    }
  };
  for (let next = from; next < to;) next = await work(target, next, to, onEnded);
  for (const index of only === undefined ? faults.slice(0, MOST_SHOWN) : [only]) await keep(target, index);
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

const columns = ["cases", "accepted", "refused", "untyped", "slow", "memory", "ended"];
const line = (name, cells) => name.padEnd(18) + cells.map((cell) => String(cell).padStart(10)).join("");
console.log(`\n${line("", ["cases", "accepted", "refused", "untyped", "over 2 s", "memory", "ended"])}`);
for (const row of rows)
  console.log(
    line(
      row.target,
      columns.map((name) => row[name]),
    ),
  );
const sums = columns.map((name) => rows.reduce((sum, row) => sum + row[name], 0));
if (rows.length > 1) console.log(line("all", sums));
const faults = sums.slice(3).reduce((sum, part) => sum + part, 0);
console.log(`\n${faults} faults, seed ${seed}, ${((performance.now() - started) / 1000).toFixed(0)} s`);
process.exit(faults > 0 ? 1 : 0);
