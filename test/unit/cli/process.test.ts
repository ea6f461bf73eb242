// The command as a process: built the way the package is, started the way a user starts it.

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { onnxDecoder } from "../../../scripts/onnx-decoder.mjs";
import { ndarray } from "../../../src/data/ndarray.ts";
import { decodeNpy, encodeNpy } from "../../../src/data/npy.ts";

const BUILT = "node_modules/.cache/nudge-process-test";
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-process-"));
  await writeFile(join(place, "x.npy"), encodeNpy(ndarray([1, 1, 28, 28])));
  // Inside the package, so that it finds its package.json and its dependencies as dist/ does.
  await build({
    configFile: false,
    plugins: [onnxDecoder()],
    logLevel: "error",
    build: { ssr: "src/cli/main.ts", outDir: BUILT, emptyOutDir: true, minify: false },
  });
}, 60_000);
afterAll(async () => {
  for (const folder of [place, BUILT]) await rm(folder, { recursive: true, force: true });
});

function nudge(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(BUILT, "main.js"), ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

describe("exit codes and streams", () => {
  test("0 and a report on stdout", async () => {
    const { code, stdout, stderr } = await nudge(["info", "models/lenet.onnx", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ command: "info" });
  });

  test("1 and one line for bad input", async () => {
    expect(await nudge(["info", "missing.onnx"])).toEqual({
      code: 1,
      stdout: "",
      stderr: "nudge: missing.onnx: no such file or folder\n",
    });
  });

  test("2 and one line for wrong usage", async () => {
    expect(await nudge(["info", "models/lenet.onnx", "--fast"])).toEqual({
      code: 2,
      stdout: "",
      stderr: "nudge: unknown option '--fast'\n",
    });
  });
});

// Windows has no signals, and no child process here.
describe.runIf(process.platform !== "win32")("signals", { timeout: 30_000 }, () => {
  const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  /** Half a second on an idle machine; tests run beside others. */
  const SOON_MS = 2000;
  const running = new Set<ChildProcess>();
  afterAll(() => running.forEach((child) => child.kill("SIGKILL")));

  function start(args: string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [join(BUILT, "main.js"), ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.add(child);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<{ code: number | null; stderr: string; at: number }>((resolve) =>
      child.on("close", (code) => resolve({ code, stderr, at: performance.now() })),
    );
    return { child, ended };
  }

  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  async function until(what: () => boolean, ms = 10_000): Promise<void> {
    for (const end = performance.now() + ms; !what(); await sleep(10)) if (performance.now() > end) throw new Error(`not within ${ms} ms`);
  }
  function isAlive(pid: number): boolean {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }

  /**
   * A command whose thread never comes back from reading its model, as an import or a driver may keep it: a module that Node loads
   * first turns the reading of that file into an endless loop.
   */
  async function startStuck(name: string) {
    const [marker, preload] = [join(place, `${name}.pid`), join(place, `${name}.cjs`)];
    await writeFile(
      preload,
      `const files = require("node:fs/promises"), { writeFileSync } = require("node:fs");
       const { readFile } = files;
       files.readFile = (path, ...rest) => {
         if (path !== "stuck.onnx") return readFile(path, ...rest);
         writeFileSync(${JSON.stringify(marker)}, String(process.pid));
         for (;;);
       };
       require("node:module").syncBuiltinESMExports();`,
    );
    const started = start(["info", "stuck.onnx"], { NODE_OPTIONS: `--require ${preload}` });
    await until(() => existsSync(marker) && readFileSync(marker, "utf8") !== "");
    return { ...started, worker: Number(readFileSync(marker, "utf8")) };
  }

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends a command whose thread is stuck", async (signal) => {
    const { child, ended, worker } = await startStuck(signal);
    expect(worker).not.toBe(child.pid);
    const sent = performance.now();
    child.kill(signal);
    const { code, stderr, at } = await ended;
    expect({ code, stderr }).toEqual({ code: CODES[signal], stderr: "nudge: interrupted\n" });
    expect(at - sent).toBeLessThan(SOON_MS);
    await until(() => !isAlive(worker));
  });

  test("a second signal does not wait, an echo of the first does", async () => {
    const { child, ended } = await startStuck("twice");
    child.kill("SIGINT");
    await sleep(20);
    child.kill("SIGTERM");
    await sleep(150);
    expect(child.exitCode).toBe(null);
    const sent = performance.now();
    child.kill("SIGTERM");
    const { code, at } = await ended;
    expect(code).toBe(CODES.SIGINT);
    expect(at - sent).toBeLessThan(SOON_MS);
  });

  test("a process that was killed leaves no other behind, though its thread is stuck", async () => {
    const { child, worker } = await startStuck("orphan");
    child.kill("SIGKILL");
    await until(() => !isAlive(worker));
  });

  test("at any moment: one line, and no file or a whole one", async () => {
    const size = 2_000_000;
    const [input, output] = [join(place, "large.npy"), join(place, "moments", "w.npy")];
    await writeFile(input, encodeNpy(ndarray([size], new Float32Array(size).fill(3))));
    const args = ["project", "--input", input, "--norm", "linf", "--radius", "1", "--output", output];
    const { ended: whole, child } = start(args);
    const began = performance.now();
    await whole;
    expect(child.exitCode).toBe(0);
    const duration = performance.now() - began;
    const moments = 12;
    for (let moment = 0; moment < moments; moment++) {
      await rm(join(place, "moments"), { recursive: true, force: true });
      const signal = (["SIGINT", "SIGTERM", "SIGHUP"] as const)[moment % 3]!;
      const run = start(args);
      await sleep((duration * moment) / moments);
      const sent = performance.now();
      run.child.kill(signal);
      const { code, stderr, at } = await run.ended;
      expect(at - sent).toBeLessThan(SOON_MS);
      // Before Node has started the signal acts by itself; after the last step the command was done.
      if (code !== null && code !== 0) expect({ code, stderr }).toEqual({ code: CODES[signal], stderr: "nudge: interrupted\n" });
      const left = await readdir(join(place, "moments")).catch(() => []);
      if (left.length === 0) continue;
      expect(left).toEqual(["w.npy"]);
      expect(decodeNpy(readFileSync(output)).data.every((value) => value === 1)).toBe(true);
    }
  });

  test("closed stdout, stderr and stdin do not keep it, and output that nobody reads is no failure", async () => {
    const shell = (line: string) =>
      new Promise<number | null>((resolve) =>
        spawn("sh", ["-c", line], { env: { ...process.env, NUDGE: `${process.execPath} ${join(BUILT, "main.js")}` } }).on("close", resolve),
      );
    expect(await shell("$NUDGE info models/lenet.onnx <&- >&- 2>&-")).toBe(0);
    expect(await shell("$NUDGE info missing.onnx <&- >&- 2>&-")).toBe(1);
    expect(await shell("{ $NUDGE info models/lenet.onnx; echo $? >&2; } 2>&1 >/dev/full | grep -q '^1$'")).toBe(0);
    expect(await shell("{ sleep 0.1; $NUDGE info models/lenet.onnx --json; echo $? >&2; } 2>&1 | :")).toBe(0);
  });
});

describe.runIf(process.platform === "linux")("drivers", () => {
  // A manifest that the Vulkan loader reads and cannot use: native complaints stay behind, the reason remains.
  test("none that works: one line, and no output", async () => {
    const manifest = join(place, "broken_icd.json");
    await writeFile(
      manifest,
      JSON.stringify({ file_format_version: "1.0.0", ICD: { library_path: "./missing.so", api_version: "1.3.0" } }),
    );
    const args = ["run", "models/lenet.onnx", "--input", join(place, "x.npy"), "--output", join(place, "y.npy")];
    const { code, stdout, stderr } = await nudge(args, { VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest });
    expect(stderr).toMatch(/^nudge: no WebGPU adapter was found among the drivers that VK_DRIVER_FILES.*\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(await readdir(place)).not.toContain("y.npy");
  });
});
