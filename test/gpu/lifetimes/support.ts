/** Engines of a test's own, which it may lose or dispose of, and what every test of lifetimes needs. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { openGpu } from "../../../src/cli/gpu.ts";
import { deepfool, evaluate, labelsOf, universalPerturbation } from "../../../src/index.ts";
import type { AdapterChoice, Engine, Model, NdArray, RunOptions, Tensor } from "../../../src/index.ts";
import { randomArray } from "../numbers.ts";

export const lenet = new Uint8Array(readFileSync(new URL("../../../models/lenet.onnx", import.meta.url)));

export async function freshEngine(): Promise<Engine> {
  return (await openGpu({ adapter: process.env["NUDGE_ADAPTER"] as AdapterChoice | undefined })).engine;
}

/** N images for LeNet, [N, 1, 28, 28], uniform in [0, 1). */
export const digits = (n: number, seed = 1): NdArray => randomArray([n, 1, 28, 28], seed, 0, 1);

export const copyOf = ({ shape, data }: NdArray): NdArray => ({ shape: [...shape], data: data.slice() });

export async function numbersOf(tensor: Tensor | Promise<Tensor>): Promise<number[]> {
  using made = await tensor;
  return Array.from((await made.read()).data);
}

/** What a call throws, whether at once or by its promise. Fails where it throws nothing. */
export async function thrownBy(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

/** The model answers, with the same numbers as before. */
export async function expectWorks(model: Model, expected?: readonly number[]): Promise<void> {
  const found = await numbersOf(model.forward(digits(1, 5)));
  expect(found).toHaveLength(10);
  if (expected) expect(found).toEqual(expected);
  else expect(found.every(Number.isFinite)).toBe(true);
}

/** Turns of the event loop, for what is settled or freed a little later. */
export const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 5));
};

const cotangents = (n: number) => randomArray([n, 10], 4);
const v = randomArray([1, 28, 28], 8, -0.3, 0.3);

/** Every call of a model, by name, each with work for several turns or steps. */
export const calls: readonly [string, (model: Model, options?: RunOptions) => Promise<unknown>][] = [
  ["forward", (m, o) => numbersOf(m.forward(digits(3), o))],
  ["forward of many", (m, o) => numbersOf(m.forward(digits(500), o))],
  ["forward with check", (m, o) => numbersOf(m.forward(digits(2), { ...o, check: "finite" }))],
  ["run", (m, o) => m.run({ [m.inputs[0]!.name]: digits(3) }, o)],
  ["vjp", (m, o) => numbersOf(m.vjp(digits(3), cotangents(3), o))],
  ["jvp", (m, o) => numbersOf(m.jvp(digits(3), digits(3, 2), o))],
  ["jacobian", (m, o) => numbersOf(m.jacobian(digits(40), { ...o, rows: "all" }))],
  ["jacobian of largest outputs", (m, o) => numbersOf(m.jacobian(digits(3), { ...o, rows: "top3" }))],
  ["labelsOf", (m, o) => labelsOf(m, digits(600), o?.signal ? { signal: o.signal } : {})],
  ["deepfool", (m, o) => deepfool(m, digits(6), o?.signal ? { signal: o.signal } : {})],
  [
    "universalPerturbation",
    (m, o) => universalPerturbation(m, digits(6), { radius: 0.2, maxPasses: 2, ...(o?.signal && { signal: o.signal }) }),
  ],
  ["evaluate", (m, o) => evaluate(m, digits(6), v, { draws: 2, ...(o?.signal && { signal: o.signal }) })],
];
