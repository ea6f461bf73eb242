/** The linter's rule on which folder may import which. */
import { describe, expect, test } from "vitest";
import { breach } from "../../../scripts/lint/boundaries.mjs";

describe("imports that keep the house in shape", () => {
  const allowed: [string, string][] = [
    ["src/runtime/model.ts", "src/kernels/registry.ts"],
    ["src/runtime/model.ts", "src/data/ndarray.ts"],
    ["src/kernels/conv.ts", "src/runtime/graph/graph.ts"],
    ["src/algorithms/deepfool.ts", "src/runtime/model.ts"],
    ["src/index.ts", "src/algorithms/deepfool.ts"],
    ["src/cli/commands/run.ts", "src/cli/output.ts"],
    ["src/cli/commands/run.ts", "src/index.ts"],
    ["src/cli/commands/tune.ts", "src/tune.ts"],
    ["src/tuning/tune.ts", "src/index.ts"],
    ["src/tuning/trial.ts", "src/runtime/model.ts"],
    ["src/cli/commands/run.ts", "src/data/npy.ts"],
    ["src/cli/commands/run.ts", "src/runtime/errors.ts"],
    ["src/kernels/conv.ts", "shaders/conv/conv_direct.wgsl"],
    ["app/main.ts", "src/index.ts"],
    ["bench/kernels/graphs.ts", "src/runtime/graph/builder.ts"],
    ["bench/kernels/variants.ts", "src/kernels/conv-planner.ts"],
    ["bench/kernels/timer.ts", "src/tuning/stopwatch.ts"],
    ["bench/readback/page.ts", "src/runtime/gpu/hasten.ts"],
    ["test/gpu/engine.ts", "src/runtime/plan/program.ts"],
  ];
  test.each(allowed)("%s may import %s", (from, to) => {
    expect(breach(from, to)).toBeUndefined();
  });
});

describe("imports that would bend it", () => {
  const forbidden: [string, string][] = [
    ["src/runtime/model.ts", "src/algorithms/deepfool.ts"],
    ["src/runtime/model.ts", "src/cli/gpu.ts"],
    ["src/runtime/model.ts", "src/index.ts"],
    ["src/kernels/conv.ts", "src/runtime/onnx/decode.ts"],
    ["src/kernels/conv.ts", "src/algorithms/deepfool.ts"],
    ["src/algorithms/deepfool.ts", "src/runtime/onnx/import.ts"],
    ["src/runtime/model.ts", "src/tuning/tune.ts"],
    ["src/tuning/tune.ts", "src/kernels/conv-planner.ts"],
    ["src/cli/commands/tune.ts", "src/tuning/tune.ts"],
    ["src/data/npy.ts", "src/runtime/model.ts"],
    ["src/cli/commands/run.ts", "src/runtime/model.ts"],
    ["src/cli/commands/run.ts", "src/kernels/registry.ts"],
    ["app/main.ts", "src/runtime/engine.ts"],
    ["bench/models.ts", "src/runtime/engine.ts"],
    ["bench/kernels/run.ts", "src/algorithms/deepfool.ts"],
  ];
  test.each(forbidden)("%s may not import %s", (from, to) => {
    expect(breach(from, to)).toMatch(/may (not )?import/);
  });
});
