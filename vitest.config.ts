import { defineConfig } from "vitest/config";

/**
 * Three kinds of tests: `unit` needs no GPU, `gpu` runs on Dawn in Node, `browser` drives headless Chromium. GPU tests share
 * one device: opening and closing devices per file is slow and breaks software drivers.
 */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      {
        test: {
          name: "gpu",
          include: ["test/gpu/**/*.test.ts", "test/conformance/**/*.test.ts"],
          pool: "forks",
          maxWorkers: 1,
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
