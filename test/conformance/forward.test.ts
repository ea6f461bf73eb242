/**
 * Real models: forward against onnxruntime-web at batch 1, 5 and 7, and derivatives along a direction: jvp against differences
 * of the forward pass, vjp against jvp.
 */
import { describe, expect, test } from "vitest";
import { describeModel, loadRareOps, UnsupportedOpError } from "../../src/index.ts";
import { sharedEngine } from "../gpu/engine.ts";
import { OrtReference } from "../gpu/onnxruntime.ts";
import { derivativeErrors, dimensions, forwardError } from "./measurements.ts";
import { indexedModels, readBytes } from "./shared-data.ts";

await loadRareOps();

/** Relative l2. Half-precision files are computed in f32 here, and in their own precision by onnxruntime. */
const FORWARD = 1e-5;
const DEEP_FORWARD = 1e-4;
const HALF_FORWARD = 5e-3;
/** Convolutions from which on roundings of one layer, multiplied by all that follow, are given more room. */
const DEEP = 50;

const ADJOINT = 1e-4;
/**
 * Of jvp, relative l2. On a segment, what is left is the kinks between the points at which jvps are taken; against double
 * precision it is rounding, at a point where no ReLU's input lies within a rounding of 0.
 */
const AGAINST_DOUBLE = 1e-5;
const AGAINST_SEGMENT = 2e-2;

describe.runIf(indexedModels().length > 0)("models against onnxruntime-web", () => {
  for (const entry of indexedModels()) {
    test(entry.file, async (context) => {
      const bytes = readBytes(`models/${entry.file}`);
      const described = describeModel(bytes, { dimensions });
      if (described.unsupported.length > 0)
        context.skip(`unsupported: ${[...new Set(described.unsupported.map(({ op }) => op))].join(", ")}`);
      const engine = await sharedEngine();
      using model = await engine.load(bytes, { name: entry.file, dimensions });
      const ort = await OrtReference.load(bytes);
      const bound = ort.half ? HALF_FORWARD : (described.ops["Conv"] ?? 0) >= DEEP ? DEEP_FORWARD : FORWARD;
      for (const n of [1, 5, 7]) {
        expect(await forwardError(model, ort, entry, n), `batch ${n}, relative l2`).toBeLessThan(bound);
      }
      const derivatives = derivativeErrors(engine, bytes, model);
      // A network of integers at its end has none, and says so.
      if (entry.ops.includes("ArgMax")) {
        await expect(derivatives).rejects.toThrow(UnsupportedOpError);
        return;
      }
      const { adjoint, directional, against } = await derivatives;
      expect(adjoint, "<Jv, u> = <v, Jᵀu>").toBeLessThan(ADJOINT);
      expect(directional, `jvp against ${against}, relative l2`).toBeLessThan(against === "segment" ? AGAINST_SEGMENT : AGAINST_DOUBLE);
    });
  }
});
