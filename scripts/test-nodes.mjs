// Builds Nudge and runs its tests and its command in several versions of Node, which npm's package `node` brings.
//
//   npm run test:nodes [-- --versions 20,22,24] [--quick]
//
// Each version builds dist/, runs the unit tests, the GPU tests and the command's demo. --quick takes the GPU tests of the runtime
// and of the algorithms only. Ends with 1 where a step fails; the logs are in reports/, which git ignores.

import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const VERSION = /^\d+(\.\d+){0,2}$/;
const QUICK = ["test/gpu/runtime", "test/gpu/algorithms", "test/gpu/derivatives.test.ts"];

const { values } = parseArgs({
  options: { versions: { type: "string", default: "20,22,24" }, quick: { type: "boolean", default: false } },
});
const versions = values.versions.split(",");
const wrong = versions.find((version) => !VERSION.test(version));
if (wrong !== undefined) {
  console.error(`test:nodes: "${wrong}" is no version of Node; expected such as --versions 20,22.14,24`);
  process.exit(2);
}

const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
const out = mkdtempSync(join(tmpdir(), "nudge-nodes-"));
process.on("exit", () => rmSync(out, { recursive: true, force: true }));

const steps = [
  ["build", ["scripts/build.mjs"]],
  ["unit tests", [vitest, "run", "--project", "unit"]],
  ["GPU tests", [vitest, "run", "--project", "gpu", ...(values.quick ? QUICK : [])]],
  ["nudge demo", ["dist/nudge.js", "demo", "--output", join(out, "demo")]],
];

/** The binary of a version, installed where it is not there yet. */
async function nodeOf(version) {
  const folder = join(ROOT, "node_modules/.cache/nodes", version);
  const binary = join(folder, "node_modules/node/bin/node");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    await run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, `node@${version}`], process.env, "ignore");
  }
  return binary;
}

/** Seconds that a command took; rejects with the number of its exit. */
function run(command, args, env, log) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) log === "ignore" ? stream.resume() : stream.pipe(log, { end: false });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve((performance.now() - started) / 1000) : reject(new Error(`${command} ${args.join(" ")} ended with ${code}`)),
    );
  });
}

mkdirSync(join(ROOT, "reports"), { recursive: true });
let failed = false;
for (const version of versions) {
  const binary = await nodeOf(version);
  const file = join("reports", `node-${version}.log`);
  const log = createWriteStream(join(ROOT, file));
  // What tests start by the name `node` is this version, too.
  const env = { ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH}` };
  for (const [what, args] of steps) {
    const result = await run(binary, args, env, log).then(
      (seconds) => `${seconds.toFixed(0)} s`,
      (error) => {
        failed = true;
        return `FAILED, see ${file}: ${error.message}`;
      },
    );
    console.log(`Node ${version.padEnd(6)} ${what.padEnd(12)} ${result}`);
  }
  log.end();
}
process.exit(failed ? 1 : 0);
