/**
 * The tests of one part, as mutants are run against them: unit and GPU tests alike in one forked process per run, because Dawn
 * does not survive worker threads. NUDGE_MUTANTS_TESTS lists the files, separated by spaces.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    {
      name: "one-process",
      // StrykerJS asks for threads, whatever the configuration says.
      configureVitest({ project }) {
        project.config.pool = "forks";
        project.config.isolate = false;
      },
    },
  ],
  test: {
    include: process.env["NUDGE_MUTANTS_TESTS"]?.split(" ") ?? [],
    pool: "forks",
    maxWorkers: 1,
    isolate: false,
    // No test of these needs more than two seconds; an attack that never ends should not cost more than it must.
    testTimeout: 10_000,
    hookTimeout: 10_000,
  },
});
