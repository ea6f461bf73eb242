/** The peers' loop of DeepFool, on a linear classifier whose smallest perturbation is known. */
import { expect, test } from "vitest";
import type { Batch } from "../../../bench/page/contestant.ts";
import { deepfoolOn, largest, padded, repeatEach, type Steps } from "../../../bench/peers/deepfool.ts";
import { fastest } from "../../../bench/peers/fastest.ts";

const WEIGHTS = [
  [1, 0],
  [0, 1],
  [-1, -1],
];
const facts = { input: "x", output: "y", shape: [2], classes: 3 };

const scoresOf = (x: ArrayLike<number>) => WEIGHTS.map(([a, b]) => a! * x[0]! + b! * x[1]!);

const linear: Steps = {
  logits: async ({ samples, data }: Batch) =>
    Float32Array.from(Array.from({ length: samples }, (_, i) => scoresOf(data.subarray(2 * i, 2 * i + 2))).flat()),
  step: async ({ samples }, cotangents, gaps, rows) => {
    const steps = new Float32Array(2 * samples);
    for (let i = 0; i < samples; i++) {
      const candidates = Array.from({ length: rows }, (_, row) => {
        const cotangent = cotangents.subarray((i * rows + row) * 3, (i * rows + row + 1) * 3);
        const gradient = [0, 1].map((axis) => WEIGHTS.reduce((sum, weight, k) => sum + weight[axis]! * cotangent[k]!, 0));
        const norm = Math.hypot(...gradient);
        return { gradient, norm, gap: Math.abs(gaps[i * rows + row]!) };
      });
      const { gradient, norm, gap } = candidates.reduce((near, other) => (other.gap / other.norm < near.gap / near.norm ? other : near));
      steps.set(
        gradient.map((value) => (gap / norm ** 2) * value),
        2 * i,
      );
    }
    return steps;
  },
};

test("finds the nearest boundary of a linear classifier", async () => {
  const data = Float32Array.from([2, 1, -3, -1, 0.5, 3]);
  const { labels, newLabels, norms } = await deepfoolOn(linear, facts, { samples: 3, data });
  expect([...labels]).toEqual([0, 2, 1]);
  for (let i = 0; i < 3; i++) {
    const scores = scoresOf(data.subarray(2 * i, 2 * i + 2));
    const label = labels[i]!;
    const distances = WEIGHTS.map((weight, k) =>
      k === label
        ? Infinity
        : (scores[label]! - scores[k]!) / Math.hypot(weight[0]! - WEIGHTS[label]![0]!, weight[1]! - WEIGHTS[label]![1]!),
    );
    expect(norms[i]).toBeCloseTo(1.02 * Math.min(...distances), 5);
    expect(newLabels[i]).toBe(distances.indexOf(Math.min(...distances)));
  }
});

test("the largest come first, ties in order", () => {
  expect(largest(Float32Array.from([1, 5, 3, 5]), 3)).toEqual([1, 3, 2]);
});

test("batches are padded to powers of two by their last sample", () => {
  expect(padded({ samples: 3, data: Float32Array.from([1, 2, 3, 4, 5, 6]) }, 2)).toEqual({
    samples: 4,
    data: Float32Array.from([1, 2, 3, 4, 5, 6, 5, 6]),
  });
});

test("copies of a sample lie side by side", () => {
  expect([...repeatEach(Float32Array.from([1, 2, 3, 4]), 2, 3)]).toEqual([1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4]);
});

test("the fastest way that works is used, after each was tried twice", async () => {
  const calls: string[] = [];
  const run = fastest(["broken", "slow", "fast"]);
  const use = (way: string) => async () => {
    calls.push(way);
    if (way === "broken") throw new Error("broken");
    await new Promise((resolve) => setTimeout(resolve, way === "slow" ? 30 : 1));
    return way;
  };
  for (let i = 0; i < 5; i++) await run("key", (way) => use(way)());
  expect(calls).toEqual(["broken", "slow", "slow", "fast", "fast", "fast"]);
  await expect(fastest(["broken"])("key", (way) => use(way)())).rejects.toThrow("broken");
});
