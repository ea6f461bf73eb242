/** Load, run, dispose, three hundred times: heap, array buffers and GPU memory stay as they are. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deepfool, universalPerturbation } from "../../../src/index.ts";
import type { Engine, Model } from "../../../src/index.ts";
import { randomArray } from "../numbers.ts";
import { digits, freshEngine, lenet, numbersOf, turns } from "./support.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function memory(engine: Engine): Promise<{ heap: number; arrays: number; gpu: number; buffers: number }> {
  await turns(10);
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const { bytes, spareBytes, buffers } = engine.memory();
  return { heap: heapUsed, arrays: arrayBuffers, gpu: bytes + spareBytes, buffers };
}

let engine: Engine;
beforeAll(async () => {
  engine = await freshEngine();
});
afterAll(() => engine.dispose());

const MB = 2 ** 20;

/** The most that may stay after so many rounds; a model's file alone is 0.18 MB, so that one kept each time is 50 MB. */
async function expectFlat(rounds: number, round: (i: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < Math.min(66, rounds); i++) await round(i);
  const before = await memory(engine);
  for (let i = 0; i < rounds; i++) await round(i);
  const after = await memory(engine);
  expect(after.buffers).toBe(before.buffers);
  expect(after.gpu).toBe(before.gpu);
  expect((after.arrays - before.arrays) / MB).toBeLessThan(1);
  expect((after.heap - before.heap) / MB).toBeLessThan(4);
}

test("300 × load, run, dispose", () =>
  expectFlat(300, async () => {
    using model = await engine.load(lenet);
    await numbersOf(model.forward(digits(2)));
  }));

test("300 × load and dispose", () => expectFlat(300, async () => (await engine.load(lenet)).dispose()));

describe("one model", () => {
  let model: Model;
  beforeAll(async () => {
    model = await engine.load(lenet);
  });

  test.each<[string, number, (i: number) => Promise<unknown>]>([
    ["forward", 300, () => numbersOf(model.forward(digits(2)))],
    [
      "derivatives",
      100,
      () => Promise.all([numbersOf(model.vjp(digits(2), randomArray([2, 10], 1))), numbersOf(model.jvp(digits(2), digits(2)))]),
    ],
    ["Jacobians", 50, () => numbersOf(model.jacobian(digits(3), { rows: "top2" }))],
    ["batches of other sizes", 66, (i) => numbersOf(model.forward(digits(1 + (i % 33))))],
    ["deepfool", 30, () => deepfool(model, digits(2))],
    ["universalPerturbation", 10, () => universalPerturbation(model, digits(4), { radius: 0.2, maxPasses: 1 })],
  ])("%s, %i times", (_, rounds, call) => expectFlat(rounds, async (i) => void (await call(i))));
});

test("engines opened and disposed of", async () => {
  const round = async () => {
    const other = await freshEngine();
    using model = await other.load(lenet);
    await numbersOf(model.forward(digits(1)));
    other.dispose();
    expect(other.memory().bytes + other.memory().spareBytes).toBe(0);
  };
  for (let i = 0; i < 3; i++) await round();
  const before = await memory(engine);
  for (let i = 0; i < 10; i++) await round();
  const after = await memory(engine);
  expect((after.arrays - before.arrays) / MB).toBeLessThan(1);
  expect((after.heap - before.heap) / MB).toBeLessThan(4);
});
