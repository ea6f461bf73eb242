import { defineConfig } from "vitest/config";

/** Benchmarks run apart from the tests: in one process, on one device, with nothing beside them. */
export default defineConfig({
  test: { include: ["bench/**/*.bench.ts"], pool: "forks", maxWorkers: 1, isolate: false },
});
