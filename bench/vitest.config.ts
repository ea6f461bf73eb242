import { defineConfig } from "vitest/config";
import { onnxDecoder } from "../scripts/onnx-decoder.mjs";

/** Benchmarks run apart from the tests: in one process, on one device, with nothing beside them. */
export default defineConfig({
  plugins: [onnxDecoder()],
  test: { include: ["bench/**/*.bench.ts"], pool: "forks", maxWorkers: 1, isolate: false },
});
