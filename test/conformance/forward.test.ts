/**
 * Real models: forward against onnxruntime-web at batch 1, 5 and 7, and derivatives along a direction: jvp against differences of
 * the forward pass, vjp against jvp.
 */
import { describe, expect, test } from "vitest";
import { describeModel, UnsupportedOpError } from "../../src/index.ts";
import type { Model, NdArray } from "../../src/index.ts";
import { sharedEngine } from "../gpu/engine.ts";
import { dot, norm, randomArray, relativeError } from "../gpu/numbers.ts";
import { OrtReference } from "../gpu/onnxruntime.ts";
import { indexedModels, readBytes } from "./shared-data.ts";

/** Extents for axes that the files leave open. */
const dimensions = { "p2o.DynamicDimension.1": 48, "p2o.DynamicDimension.2": 192 };

/** Relative l2. Half-precision files are computed in f32 here, and in their own precision by onnxruntime. */
const FORWARD = 1e-5;
const DEEP_FORWARD = 1e-4;
const HALF_FORWARD = 5e-3;
/** Convolutions from which on roundings of one layer, multiplied by all that follow, are given more room. */
const DEEP = 50;

/** Sizes of steps relative to the input. Large ones cross kinks, small ones drown in the forward pass's rounding. */
const STEPS = [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6];
// A photograph-sized network has kinks nearer than the smallest useful step; a wrong rule would be off by more than half.
const DIFFERENCE = 0.1;
const ADJOINT = 1e-4;

async function checkDerivatives(model: Model, x: NdArray): Promise<void> {
  const direction = randomArray(x.shape, 5);
  const output = model.logits;
  const cotangent = randomArray([1, ...output.shape], 6);
  const options = { output: output.name };
  using tangent = await model.jvp(x, direction, options);
  using adjoint = await model.vjp(x, cotangent, options);
  const moved = (await tangent.read()).data;
  const gradient = (await adjoint.read()).data;
  const terms = Math.max(norm(moved) * norm(cotangent.data), norm(direction.data) * norm(gradient));
  expect(
    Math.abs(dot(moved, cotangent.data) - dot(direction.data, gradient)) / (terms + Number.MIN_VALUE),
    "<Jv, u> = <v, Jᵀu>",
  ).toBeLessThan(ADJOINT);
  if (norm(moved) === 0) return;
  const errors: number[] = [];
  for (const relative of STEPS) {
    const step = (relative * norm(x.data)) / norm(direction.data);
    const at = async (sign: number) => {
      using y = await model.logitsOf({ shape: x.shape, data: x.data.map((value, i) => value + sign * step * direction.data[i]!) });
      return (await y.read()).data;
    };
    const [ahead, behind] = [await at(1), await at(-1)];
    errors.push(
      relativeError(
        ahead.map((value, i) => (value - behind[i]!) / (2 * step)),
        moved,
      ),
    );
  }
  expect(Math.min(...errors), `jvp against differences, by step: ${errors.map((error) => error.toExponential(1)).join(" ")}`).toBeLessThan(
    DIFFERENCE,
  );
}

describe.runIf(indexedModels().length > 0)("models against onnxruntime-web", () => {
  for (const entry of indexedModels()) {
    test(entry.file, async (context) => {
      const bytes = readBytes(`models/${entry.file}`);
      const described = describeModel(bytes, { dimensions });
      if (described.unsupported.length > 0)
        context.skip(`unsupported: ${[...new Set(described.unsupported.map(({ op }) => op))].join(", ")}`);
      using model = await (await sharedEngine()).load(bytes, { name: entry.file, dimensions });
      const ort = await OrtReference.load(bytes);
      const frozen = typeof entry.input.shape[0] === "number";
      const bound = ort.half ? HALF_FORWARD : (described.ops["Conv"] ?? 0) >= DEEP ? DEEP_FORWARD : FORWARD;
      const input = model.inputs[0]!;
      for (const n of [1, 5, 7]) {
        const x = randomArray([n, ...input.shape], 7 + n, 0, 1);
        const mine = await model.run({ [input.name]: x });
        for (const { name, data } of await ort.run(x, frozen)) {
          expect(relativeError(mine[name]!.data, data), `${name} at batch ${n}`).toBeLessThan(bound);
        }
      }
      const derivatives = checkDerivatives(model, randomArray([1, ...input.shape], 9, 0, 1));
      // A network of integers at its end has none, and says so.
      if (entry.ops.includes("ArgMax")) await expect(derivatives).rejects.toThrow(UnsupportedOpError);
      else await derivatives;
    });
  }
});
