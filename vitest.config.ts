import { defineConfig } from "vitest/config";
import { onnxDecoder } from "./scripts/onnx-decoder.mjs";

/**
 * Three kinds of tests, one after the other: `unit` needs no GPU, `gpu` runs on Dawn in Node, `browser` drives a headless
 * Chromium. GPU tests share one process, because Dawn does not survive worker threads, and one device, because opening and
 * closing devices per file is slow and breaks software drivers.
 *
 * The adapter of the `gpu` tests is chosen as by `nudge --adapter`: NUDGE_ADAPTER=auto|software|high-performance|low-power,
 * or by the Vulkan loader's own VK_DRIVER_FILES.
 */
export default defineConfig({
  plugins: [onnxDecoder()],
  test: {
    // The second prints the summary, which should come last.
    reporters: ["./test/setup/gpu-reporter.ts", "default"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          // Tests that build, parse or sweep a table take seconds beside others.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "gpu",
          include: ["test/gpu/**/*.test.ts", "test/conformance/**/*.test.ts"],
          globalSetup: ["test/setup/adapter.ts"],
          setupFiles: ["test/setup/gpu.ts"],
          sequence: { groupOrder: 1 },
          pool: "forks",
          maxWorkers: 1,
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: ["test/setup/adapter.ts", "test/browser/serve.ts"],
          setupFiles: ["test/setup/gpu.ts"],
          sequence: { groupOrder: 2 },
          pool: "forks",
          maxWorkers: 1,
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
