/** The command, built and started as a process: killed in the middle of a run, and out of disk. `npm run kills` does it at length. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onnxDecoder } from "../../../scripts/onnx-decoder.mjs";
import { CHECKPOINT, readCheckpoint } from "../../../src/cli/checkpoint-file.ts";
import { decodeDigits } from "../../../src/data/digits.ts";
import { encodeNpy } from "../../../src/data/npy.ts";
import type { UniversalState } from "../../../src/index.ts";

const BUILT = "node_modules/.cache/nudge-kill-test";
const IMAGES = 24;
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-kill-"));
  const { images } = decodeDigits(readFileSync("models/mnist-digits.json", "utf8"), readFileSync("models/mnist-digits.bin")).compute;
  const data = images.data.subarray(0, IMAGES * 28 * 28);
  await writeFile(join(place, "x.npy"), encodeNpy({ shape: [IMAGES, 1, 28, 28], data }));
  await build({
    configFile: false,
    plugins: [onnxDecoder()],
    logLevel: "error",
    build: { ssr: "src/cli/main.ts", outDir: BUILT, emptyOutDir: true, minify: false },
  });
});
afterAll(async () => {
  for (const folder of [place, BUILT]) await rm(folder, { recursive: true, force: true });
});

const settings = ["--radius", "0.2", "--fooling-rate", "1", "--max-passes", "2", "--draws", "2", "--checkpoint-every", "0"];
const begin = (out: string) => ["models/lenet.onnx", "--input", join(place, "x.npy"), ...settings, "--output", join(place, out)];

function universal(args: string[], env: NodeJS.ProcessEnv = {}) {
  // A group of its own, so that a kill hits all of it at once.
  const child = spawn(process.execPath, [join(BUILT, "main.js"), "universal", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
    detached: true,
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<{ code: number | null; signal: string | null; stderr: string }>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, stderr })),
  );
  return { kill: () => child.exitCode === null && process.kill(-child.pid!, "SIGKILL"), ended };
}

const stateIn = async (out: string) => (await readCheckpoint<UniversalState>(join(place, out), "universal"))?.state;

/** Without the times. */
const reportIn = async (out: string): Promise<unknown> =>
  JSON.parse(await readFile(join(place, out, "report.json"), "utf8"), (key, value: unknown) => (key === "seconds" ? undefined : value));

// Windows has no groups of processes.
test.skipIf(process.platform === "win32")("a run that is killed goes on and ends in the same bytes", async () => {
  const { kill, ended } = universal(begin("killed"));
  let over = false;
  void ended.then(() => (over = true));
  while (!over && !(await stateIn("killed"))?.visited) await new Promise((resolve) => setTimeout(resolve, 5));
  kill();
  expect(await ended).toMatchObject({ signal: "SIGKILL" });
  expect((await stateIn("killed"))!.passes.length).toBeLessThan(2);
  const [resumed, whole] = await Promise.all([universal(["--resume", join(place, "killed")]).ended, universal(begin("whole")).ended]);
  expect([resumed.code, whole.code], `${resumed.stderr}${whole.stderr}`).toEqual([0, 0]);
  const names = await readdir(join(place, "whole"));
  expect(await readdir(join(place, "killed"))).toEqual(names);
  for (const name of names.filter((name) => name !== "report.json")) {
    const [bytes, expected] = await Promise.all(["killed", "whole"].map((out) => readFile(join(place, out, name))));
    expect(bytes!.equals(expected!), name).toBe(true);
  }
  const [report, expected] = await Promise.all(["killed", "whole"].map(reportIn));
  expect(report).toEqual(expected);
});

test("a full disk ends a run with one error, exit code 1 and its last checkpoint", async () => {
  const preload = join(place, "full.cjs");
  // The third checkpoint meets a full disk.
  await writeFile(
    preload,
    `const files = require("node:fs/promises");
     const { writeFile } = files;
     let written = 0;
     files.writeFile = (path, ...rest) => {
       if (path.includes("${CHECKPOINT}") && ++written > 2) return Promise.reject(Object.assign(new Error(), { code: "ENOSPC" }));
       return writeFile(path, ...rest);
     };
     require("node:module").syncBuiltinESMExports();`,
  );
  const { code, stderr } = await universal(begin("full"), { NODE_OPTIONS: `--require ${preload}` }).ended;
  const out = join(place, "full");
  expect(code).toBe(1);
  expect(stderr.split("\n").filter((line) => line.startsWith("nudge: "))).toEqual([
    `nudge: ${join(out, CHECKPOINT)}: cannot be written: no space left on the device; ` +
      `the last checkpoint is kept: nudge universal --resume ${out} goes on from it`,
  ]);
  expect(await readdir(out)).toEqual([CHECKPOINT]);
  expect(await stateIn("full")).not.toBe(null);
});
