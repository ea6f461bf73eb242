/** What the page and Node both compute, through the public surface only, to be compared. */
import type * as Nudge from "../../src/index.ts";

type Surface = typeof Nudge;

export interface Inputs {
  readonly model: Uint8Array;
  /** Digits of models/mnist-digits.bin. */
  readonly digits: Uint8Array;
}

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const CLASSES = 10;
const WHITE = 255;

/** Digits first … first + count − 1 as LeNet takes them. */
export function images({ digits }: Inputs, first: number, count: number): Nudge.NdArray {
  const data = Float32Array.from(digits.subarray(first * PIXELS, (first + count) * PIXELS), (value) => value / WHITE);
  return { shape: [count, 1, SIDE, SIDE], data };
}

/** Numbers without a pattern, the same everywhere: the fractional parts of multiples of the golden ratio, in [−½, ½). */
export function scattered(shape: readonly number[]): Nudge.NdArray {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, data: Float32Array.from({ length: size }, (_, i) => ((i * 0.6180339887498949) % 1) - 0.5) };
}

async function numbers(tensor: Nudge.Tensor): Promise<number[]> {
  const { data } = await tensor.read();
  tensor.dispose();
  return [...data];
}

/** The forward pass and its derivatives for three digits. */
export async function derivatives(engine: Nudge.Engine, inputs: Inputs) {
  const model = await engine.load(inputs.model, { name: "lenet" });
  const x = images(inputs, 0, 3);
  const [n] = x.shape as [number];
  const results = {
    forward: await numbers(await model.forward(x)),
    vjp: await numbers(await model.vjp(x, scattered([n, CLASSES]))),
    jvp: await numbers(await model.jvp(x, scattered(x.shape))),
    jacobian: await numbers(await model.jacobian(x, { rows: [0, 3, 9] })),
    jacobianOfTop3: await numbers(await model.jacobian(x, { rows: "top3" })),
  };
  model.dispose();
  return results;
}

/** DeepFool on eight digits in both norms. */
export async function attacks({ deepfool }: Surface, engine: Nudge.Engine, inputs: Inputs) {
  const model = await engine.load(inputs.model, { name: "lenet" });
  const outcomes = [];
  for (const norm of [2, Infinity]) {
    const found = await deepfool(model, images(inputs, 0, 8), { norm });
    outcomes.push({
      norm: String(norm),
      labels: [...found.labels],
      newLabels: [...found.newLabels],
      status: [...found.status],
      norms: [...found.norms],
    });
  }
  model.dispose();
  return outcomes;
}

/** A universal perturbation from 24 digits, projected once more and judged on 24 others. */
export async function universal({ universalPerturbation, project, evaluate }: Surface, engine: Nudge.Engine, inputs: Inputs) {
  const model = await engine.load(inputs.model, { name: "lenet" });
  const [norm, radius] = [Infinity, 0.3];
  const settings = { norm, radius, seed: 1, maxPasses: 1, targetFoolingRate: 1, candidates: 4 };
  const found = await universalPerturbation(model, images(inputs, 0, 24), settings);
  const projected = project(found.perturbation, { norm, radius: radius / 2 });
  const judged = await evaluate(model, images(inputs, 24, 24), found.perturbation, { clip: [0, 1] });
  model.dispose();
  return {
    foolingRate: found.foolingRate,
    largest: found.perturbation.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    largestProjected: projected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    heldOut: judged.raw.rate,
    radius,
  };
}
