/** Forward passes of real models against onnxruntime-web, at batch 1 and 7. */
import { describe, expect, test } from "vitest";
import { describeModel } from "../../src/index.ts";
import { sharedEngine } from "../gpu/engine.ts";
import { randomArray, relativeError } from "../gpu/numbers.ts";
import { OrtReference } from "../gpu/onnxruntime.ts";
import { indexedModels, readBytes } from "./shared-data.ts";

describe.runIf(indexedModels().length > 0)("forward against onnxruntime-web", () => {
  for (const entry of indexedModels()) {
    test(entry.file, async (context) => {
      const bytes = readBytes(`models/${entry.file}`);
      let unsupported: string[];
      try { unsupported = describeModel(bytes).unsupported.map(({ op }) => op); } catch (e) { console.log(entry.file, (e as Error).message); throw e; }
      if (unsupported.length > 0) context.skip(`unsupported: ${[...new Set(unsupported)].join(", ")}`);
      const engine = await sharedEngine();
      using model = await engine.load(bytes, { name: entry.file });
      const ort = await OrtReference.load(bytes);
      const frozen = typeof entry.input.shape[0] === "number";
      for (const n of [1, 7]) {
        const x = randomArray([n, ...model.inputs[0]!.shape], 7 + n, 0, 1);
        const whole = frozen && entry.input.shape[0] !== 1 ? x : x;
        const mine = await model.run({ [model.inputs[0]!.name]: x });
        const theirs = await ort.run(whole, frozen);
        for (const { name, data } of theirs) {
          const error = relativeError(mine[name]!.data, data);
          console.log(entry.file, n, error);
          expect(error, `${name} at batch ${n}`).toBeLessThan(1e-5);
        }
      }
    });
  }
});
