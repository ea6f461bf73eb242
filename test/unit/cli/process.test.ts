// The command as a process: built the way the package is, started the way a user starts it.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ndarray } from "../../../src/data/ndarray.ts";
import { encodeNpy } from "../../../src/data/npy.ts";

const BUILT = "node_modules/.cache/nudge-process-test";
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-process-"));
  await writeFile(join(place, "x.npy"), encodeNpy(ndarray([1, 1, 28, 28])));
  // Inside the package, so that it finds its package.json and its dependencies as dist/ does.
  await build({ configFile: false, logLevel: "error", build: { ssr: "src/cli/main.ts", outDir: BUILT, emptyOutDir: true, minify: false } });
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
