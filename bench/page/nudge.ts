/** Nudge as an app uses it: the built library, its public surface. */
import { createEngine, deepfool } from "../../src/index.ts";
import type { Batch } from "./contestant.ts";
import { hostContestant } from "./host.ts";

type Reading = Awaited<ReturnType<Awaited<ReturnType<Awaited<ReturnType<typeof createEngine>>["load"]>>["forward"]>>;

async function take(tensor: Reading): Promise<Float32Array> {
  const { data } = await tensor.read();
  tensor.dispose();
  return data;
}

hostContestant({
  derivatives: true,
  async load(bytes, { shape, classes }) {
    const engine = await createEngine();
    const model = await engine.load(bytes);
    const array = ({ samples, data }: Batch) => ({ shape: [samples, ...shape], data });
    return {
      forward: async (x) => take(await model.forward(array(x))),
      vjp: async (x, cotangent) => take(await model.vjp(array(x), { shape: [x.samples, classes], data: cotangent })),
      jacobian: async (x, k) => take(await model.jacobian(array(x), { rows: `top${k}` })),
      deepfool: async (x) => {
        const { labels, newLabels, norms } = await deepfool(model, array(x), { refine: false });
        return { labels: Float32Array.from(labels), newLabels: Float32Array.from(newLabels), norms };
      },
    };
  },
});
