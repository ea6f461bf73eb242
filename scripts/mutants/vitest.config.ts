/**
 * The tests of one part, as mutants are run against them: unit and GPU tests alike in one forked process per run, because Dawn
 * does not survive worker threads. NUDGE_MUTANTS_TESTS lists the files, separated by spaces; NUDGE_MUTANTS_WGSL is set where
 * shaders are broken.
 */
import { relative } from "node:path";
import { defineConfig } from "vitest/config";
import { onnxDecoder } from "../onnx-decoder.mjs";

const root = process.cwd();
const shaders = process.env["NUDGE_MUTANTS_WGSL"] !== undefined;

export default defineConfig({
  plugins: [
    onnxDecoder(),
    {
      name: "one-process",
      // StrykerJS asks for threads, whatever the configuration says.
      configureVitest({ project }) {
        project.config.pool = "forks";
        project.config.isolate = false;
      },
    },
    {
      name: "broken-shader",
      // Tests of another mutant find the same module, transformed once, which takes the broken text where there is one.
      transform(code, id) {
        if (!shaders || !id.endsWith(".wgsl?raw")) return undefined;
        const file = JSON.stringify(relative(root, id.replace("?raw", "")));
        const broken = `globalThis.brokenShader?.file === ${file} ? globalThis.brokenShader.text : `;
        return code.replace("export default ", `export default ${broken}`);
      },
    },
  ],
  test: {
    root,
    include: process.env["NUDGE_MUTANTS_TESTS"]?.split(" ") ?? [],
    setupFiles: shaders ? ["scripts/mutants/break-shader.ts"] : [],
    pool: "forks",
    maxWorkers: 1,
    isolate: false,
    // No test of these needs more than four seconds; an attack that never ends should not cost more than it must.
    testTimeout: 15_000,
    hookTimeout: 15_000,
  },
});
