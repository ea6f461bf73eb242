/** onnxruntime-web on WebGPU, forward only: it has no gradients. Its two builds share everything but the module. */
import type * as Ort from "onnxruntime-web";
import type { Contestant } from "../page/contestant.ts";

export function onnxruntime(ort: typeof Ort): Contestant {
  return {
    derivatives: false,
    async load(bytes, { input, output, shape }) {
      // Work that silently runs on the processor would not be a measurement of WebGPU.
      const session = await ort.InferenceSession.create(bytes, {
        executionProviders: ["webgpu"],
        extra: { session: { disable_cpu_ep_fallback: "1" } },
        logSeverityLevel: 3,
      });
      return {
        async forward({ samples, data }) {
          const x = new ort.Tensor("float32", data, [samples, ...shape]);
          const results = await session.run({ [input]: x });
          return (await results[output]!.getData()) as Float32Array;
        },
      };
    },
  };
}
