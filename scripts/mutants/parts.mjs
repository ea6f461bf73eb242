// What `npm run mutants` breaks, part by part, and the tests that are to notice. A part's tests are the fast ones that concern it, so
// that a whole run takes minutes: a mutant that only an unlisted test would notice counts as a survivor.

/** Dawn runs these one file after another in one process. */
const ATTACKS = ["test/gpu/algorithms/{deepfool,universal}.test.ts"];

export const parts = {
  algorithms: {
    mutate: ["src/algorithms/!(checkpoint|universal-state).ts"],
    tests: [...ATTACKS, "test/unit/algorithms/*.test.ts", "test/unit/data/random.test.ts"],
  },
  // Apart from the algorithms, because these tests run whole attacks twice.
  checkpoints: {
    mutate: ["src/algorithms/{checkpoint,universal-state}.ts"],
    tests: ["test/gpu/algorithms/checkpoints.test.ts"],
  },
  data: {
    mutate: ["src/data/statistics.ts"],
    tests: ["test/unit/data/statistics.test.ts"],
  },
  options: {
    mutate: ["src/options/**/*.ts"],
    tests: ["test/unit/options/*.test.ts"],
  },
  runtime: {
    mutate: ["src/runtime/{engine,jacobian,model,programs,run,tensor}.ts", "src/runtime/gpu/*.ts"],
    tests: [
      ...ATTACKS,
      "test/gpu/runtime/*.test.ts",
      "test/gpu/{derivatives,steady-state,f16-weights}.test.ts",
      "test/unit/runtime/hasten.test.ts",
    ],
  },
};

/** The kernels that `npm run mutants:wgsl` breaks, by folder, and the tests that are to notice. */
export const kernels = {
  "shaders/deepfool": ["test/gpu/algorithms/deepfool.test.ts", "test/gpu/algorithms/universal.test.ts"],
  "shaders/universal": ["test/gpu/algorithms/universal.test.ts"],
};
