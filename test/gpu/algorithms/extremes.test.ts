/** DeepFool where numbers are large, small, equal, flat or none: scales, ties, saturation, the ends of f32, NaN. */
import { describe, expect, test } from "vitest";
import { deepfool, NO_LABEL, overshootRules, universalPerturbation } from "../../../src/index.ts";
import type { DeepFoolOptions, NdArray, OvershootRule } from "../../../src/index.ts";
import type { TestModel } from "../../reference/model.ts";
import { randomArray } from "../numbers.ts";
import { affine, load, parabola, rootNetwork } from "./closed-forms.ts";

const points = (...rows: number[][]): NdArray => ({ shape: [rows.length, rows[0]!.length], data: Float32Array.from(rows.flat()) });

/** ‖r‖₂ of image i. */
const sizes = (r: NdArray) =>
  Array.from({ length: r.shape[0]! }, (_, i) => Math.hypot(...r.data.subarray(i * r.shape[1]!, (i + 1) * r.shape[1]!)));

describe("the scale of the logits does not matter", () => {
  const weights = [[0, 0], [3, 4], [5, 0], [3.6, 3.6]]; // prettier-ignore
  const biases = [0, -1.5, -3.6, -1.92];
  const scaled = (scale: number) => affine(weights.map((row) => row.map((w) => w * scale)), biases.map((b) => b * scale)); // prettier-ignore
  const x = points([0.5, -0.25], [0.1, 0.2], [-1, 2]);
  for (const norm of [2, Infinity]) {
    for (const rule of overshootRules) {
      test(`norm ${norm}, ${rule}: 1e-30 … 1e30`, async () => {
        using model = await load(scaled(1));
        const expected = await deepfool(model, x, { norm, rule });
        expect(expected.status).toEqual(["fooled", "fooled", "fooled"]);
        for (const scale of [1e-30, 1e-20, 1e20, 1e30]) {
          using other = await load(scaled(scale));
          const found = await deepfool(other, x, { norm, rule });
          expect([...found.newLabels]).toEqual([...expected.newLabels]);
          found.perturbations.data.forEach((r, i) => expect(r).toBeCloseTo(expected.perturbations.data[i]!, 5));
        }
      });
    }
  }
  test("powers of two change no bit", async () => {
    using model = await load(scaled(1));
    using other = await load(scaled(2 ** 80));
    const options = { refine: false };
    expect((await deepfool(other, x, options)).perturbations.data).toEqual((await deepfool(model, x, options)).perturbations.data);
  });
  test("differences of logits that overflow", async () => {
    using model = await load(affine([[3e8], [-3e8]], [0, 0]));
    const { newLabels, norms } = await deepfool(model, points([1e30]));
    expect([newLabels[0], norms[0]! / 1e30]).toEqual([1, expect.closeTo(1.02, 5)]);
  });
  for (const norm of [2, Infinity]) {
    test(`universal, norm ${norm}`, async () => {
      const results: Float32Array[] = [];
      for (const scale of [1, 1e-20, 1e20]) {
        using model = await load(scaled(scale));
        results.push((await universalPerturbation(model, x, { norm, radius: 0.3, maxPasses: 2, seed: 1 })).perturbation.data);
      }
      for (const v of results) v.forEach((value, i) => expect(value).toBeCloseTo(results[0]![i]!, 5));
      expect(results[0]!.some((value) => value !== 0)).toBe(true);
    });
  }
  for (const radius of [1e-30, 1e30]) {
    test(`universal, l2, ball of radius ${radius}, whose square f32 cannot hold`, async () => {
      using model = await load(affine([[0, 0], [0.6, 0.8]], [0, 0])); // prettier-ignore
      const images = points([-0.6e31, -0.8e31], [-1.2e31, -1.6e31]);
      const { perturbation } = await universalPerturbation(model, images, { norm: 2, radius, maxPasses: 1 });
      expect(Math.hypot(...perturbation.data) / radius).toBeCloseTo(1, 5);
    });
  }
});

describe("ties and points on a boundary end in a shortest step", () => {
  const cases: { name: string; weights: number[][]; biases: number[]; x: number[]; most: number }[] = [
    { name: "equal logits", weights: [[1, 0], [0, 1]], biases: [0, 0], x: [0.3, 0.3], most: 1e-6 }, // prettier-ignore
    { name: "three equal logits", weights: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], biases: [0, 0, 0], x: [0.5, 0.5, 0.5], most: 1e-6 }, // prettier-ignore
    { name: "at zero, where nothing says what is short", weights: [[1, 0], [0, 1]], biases: [0, 0], x: [0, 0], most: 1e-12 }, // prettier-ignore
    { name: "at zero, with logits of 1", weights: [[1, 0], [0, 1]], biases: [1, 1], x: [0, 0], most: 1e-5 }, // prettier-ignore
    { name: "where a step of ulps is far", weights: [[1, 0], [0, 1]], biases: [0, 0], x: [1e8, 1e8], most: 100 }, // prettier-ignore
    { name: "where the step that is needed is lost in rounding", weights: [[0, 0], [-1e-2, 1e-2]], biases: [0, -1e-3], x: [1e8, 1e8], most: 100 }, // prettier-ignore
    { name: "logits on a large common offset", weights: [[1, 0], [0, 1]], biases: [1000, 1000], x: [0.25, 0.25], most: 1e-3 }, // prettier-ignore
    { name: "a duplicate of the class, another one far", weights: [[1, 0], [1, 0], [0, 1]], biases: [0, 0, 0], x: [1, 0.5], most: 0.3607 }, // prettier-ignore
  ];
  for (const { name, weights, biases, x, most } of cases) {
    for (const norm of [2, Infinity]) {
      test(`${name}, norm ${norm}`, async () => {
        using model = await load(affine(weights, biases));
        const { status, iterations, norms, labels, newLabels } = await deepfool(model, points(x), { norm });
        expect([status[0], labels[0]]).toEqual(["fooled", 0]);
        expect(newLabels[0]).not.toBe(0);
        expect(iterations[0]).toBeLessThanOrEqual(8);
        expect(norms[0]).toBeGreaterThan(0);
        expect(norms[0]).toBeLessThanOrEqual(most);
      });
    }
  }
  test("beside others, which keep their distance: the median is not halved", async () => {
    using model = await load(affine([[1, 0], [0, 1]], [0, 0])); // prettier-ignore
    const { norms, iterations } = await deepfool(model, points([0.3, 0.3], [0.1, 0.3], [0.3, 0.1]), { maxIterations: 1 });
    expect(norms[0]).toBeLessThan(1e-6);
    expect([norms[1], norms[2]]).toEqual([expect.closeTo(0.14425, 4), expect.closeTo(0.14425, 4)]);
    expect([...iterations]).toEqual([1, 1, 1]);
  });
});

/** Logits of x → sigmoid → 5 (h₀ − h₁), −5 (h₀ − h₁): flat where |x| is large, the boundary x₀ = x₁. */
const saturated: TestModel = {
  opset: 13,
  inputs: [{ name: "x", shape: [1, 2] }],
  nodes: [
    { op: "Sigmoid", inputs: ["x"], outputs: ["h"] },
    { op: "MatMul", inputs: ["h", "w"], outputs: ["y"] },
  ],
  constants: { w: { shape: [2, 2], data: [5, -5, -5, 5] } },
  outputs: ["y"],
};

describe("no flat distance: r ends at the boundary that it crossed", () => {
  const x = points([40, -40], [10, -10], [3, -3], [0.1, -0.1]);
  const distances = [56.5685, 14.1421, 4.24264, 0.141421];

  test("the boundary x₀ = x₁ from where the sigmoid is flat", async () => {
    using model = await load(saturated);
    const { norms, status, newLabels, forwards, perturbations } = await deepfool(model, x);
    expect(status).toEqual(["fooled", "fooled", "fooled", "fooled"]);
    expect([...newLabels]).toEqual([1, 1, 1, 1]);
    for (let i = 0; i < 3; i++) expect(norms[i]! / distances[i]!).toBeCloseTo(1, 3);
    // Where it is nearly linear, the walk is right as published: 1.02 times the distance to the linearised boundary.
    expect(norms[3]! / distances[3]!).toBeLessThan(1.021);
    expect(sizes(perturbations)[0]).toBeCloseTo(norms[0]!, 3);
    forwards.forEach((count) => expect(count).toBeLessThan(50));
    expect(forwards[0]).toBeGreaterThan(20);
  });
  test("refine: false leaves the walk as published, and makes no further forward passes", async () => {
    using model = await load(saturated);
    const { norms, forwards, iterations } = await deepfool(model, x, { refine: false });
    expect(norms[0]).toBeGreaterThan(1e15);
    expect([...forwards]).toEqual([...iterations].map((steps) => steps + 1));
  });
  test("few steps end early, nearer than the walk and beyond the boundary", async () => {
    using model = await load(saturated);
    const [exact, early, never] = await Promise.all(
      [{}, { refineSteps: 3 }, { refine: false }].map((options) => deepfool(model, x, options)),
    );
    expect(early!.norms[1]).toBeGreaterThan(exact!.norms[1]!);
    expect(early!.norms[1]).toBeLessThan(never!.norms[1]!);
    expect(early!.status).toEqual(exact!.status);
  });
  test("norms can only shrink, and r as it is returned changes the label, for every rule and norm", async () => {
    const weights = Array.from({ length: 4 }, (_, k) => Array.from({ length: 6 }, (_, d) => 3 * Math.sin(3 * k + 7 * d + 1)));
    using model = await load(curved(weights));
    const images = randomArray([40, 6], 3, -4, 4);
    for (const norm of [2, Infinity]) {
      for (const rule of overshootRules as readonly OvershootRule[]) {
        const [walk, cut] = [await deepfool(model, images, { norm, rule, refine: false, batch: 7 }), await deepfool(model, images, { norm, rule, batch: 7 })]; // prettier-ignore
        cut.norms.forEach((size, i) => expect(size).toBeLessThanOrEqual(walk.norms[i]! * (1 + 1e-6)));
        const seen = await deepfool(model, { shape: images.shape, data: images.data.map((v, i) => v + cut.perturbations.data[i]!) }, { maxIterations: 1, refine: false }); // prettier-ignore
        cut.status.forEach((status, i) => {
          if (status !== "fooled") return;
          expect(seen.labels[i]).toBe(cut.newLabels[i]);
          expect(cut.newLabels[i]).not.toBe(cut.labels[i]);
        });
      }
    }
  });
  test("the same whatever the batch", async () => {
    using model = await load(saturated);
    const [whole, narrow] = [await deepfool(model, x), await deepfool(model, x, { batch: 1 })];
    expect(narrow.perturbations.data).toEqual(whole.perturbations.data);
  });
});

/** A dense layer, sigmoids, and another. */
function curved(weights: readonly (readonly number[])[]): TestModel {
  const hidden = { shape: [6, 4], data: Array.from({ length: 24 }, (_, i) => weights[i % 4]![Math.floor(i / 4)]!) };
  return {
    opset: 13,
    inputs: [{ name: "x", shape: [1, 6] }],
    nodes: [
      { op: "MatMul", inputs: ["x", "w1"], outputs: ["a"] },
      { op: "Sigmoid", inputs: ["a"], outputs: ["h"] },
      { op: "MatMul", inputs: ["h", "w2"], outputs: ["y"] },
    ],
    constants: { w1: hidden, w2: { shape: [4, 5], data: Array.from({ length: 20 }, (_, i) => Math.cos(5 * i)) } },
    outputs: ["y"],
  };
}

describe("failures are told, and stay out of the statistics", () => {
  test("a step beyond f32: out-of-range, r is zeros, the norm infinite", async () => {
    // Gradients of 1e-20 and a gap of 1e20: the boundary is 1e40 away.
    using model = await load(affine([[1e-20], [0]], [1e20, 0]));
    const { status, norms, relativeNorms, meanRho, perturbations, newLabels } = await deepfool(model, points([1]));
    expect(status).toEqual(["out-of-range"]);
    expect([norms[0], relativeNorms[0], meanRho, perturbations.data[0], newLabels[0]]).toEqual([Infinity, Infinity, null, 0, 0]);
  });
  test("x + r beyond f32, though r is not", async () => {
    using model = await load(affine([[0], [1e-30]], [2.4e8, -1e8])); // prettier-ignore
    const { status, perturbations } = await deepfool(model, points([2e38]));
    expect([status[0], perturbations.data[0]]).toEqual(["out-of-range", 0]);
  });
  test("NaN from the start, NaN on the way, and none", async () => {
    using model = await load(rootNetwork);
    // Logits (√x, 1) from −1, from 1.3, and from 4, whose first step, 4, leads beyond 0; with little overshoot from 0.5, upwards.
    const result = await deepfool(model, points([-1], [4], [0.5]));
    expect(result.status).toEqual(["non-finite", "non-finite", "fooled"]);
    expect([...result.labels]).toEqual([NO_LABEL, 0, 1]);
    expect(result.newLabels[1]).toBe(NO_LABEL);
    expect([result.norms[0], result.norms[1]]).toEqual([Infinity, Infinity]);
    expect(result.meanRho).toBe(result.relativeNorms[2]);
  });
  test("a gradient that is infinite", async () => {
    using model = await load(rootNetwork);
    expect((await deepfool(model, points([0]))).status).toEqual(["non-finite"]);
  });
  test("universal: images without a label are given up and never count as fooled", async () => {
    using model = await load(rootNetwork);
    const seen: number[] = [];
    const result = await universalPerturbation(model, points([-1], [0.25], [-2]), {
      radius: 2,
      maxPasses: 1,
      targetFoolingRate: 1,
      onProgress: ({ fooledSoFar }) => seen.push(fooledSoFar),
    });
    expect(result.foolingRate).toBeCloseTo(1 / 3, 10);
    expect(Math.max(...seen)).toBeLessThanOrEqual(1);
    expect(result.perturbation.data[0]).toBeGreaterThan(0.7);
  });
  test("a zero image has no ρ, and is left out of the mean", async () => {
    using model = await load(affine([[1, 0], [0, 1]], [1, 0])); // prettier-ignore
    const { relativeNorms, norms, meanRho } = await deepfool(model, points([0, 0], [1, 0]));
    expect([relativeNorms[0], Number.isFinite(norms[0])]).toEqual([Infinity, true]);
    expect(meanRho).toBe(relativeNorms[1]);
  });
  test("few iterations: the norm of a failure is infinite, its r as far as the walk came", async () => {
    using model = await load(parabola);
    const options: DeepFoolOptions = { maxIterations: 1 };
    const { status, norms, perturbations, iterations, forwards } = await deepfool(model, points([3]), options);
    expect([status[0], norms[0], iterations[0], forwards[0]]).toEqual(["exhausted", Infinity, 1, 2]);
    expect(perturbations.data[0]).toBeCloseTo(-1.36, 5);
  });
});
