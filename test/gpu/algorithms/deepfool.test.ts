/** DeepFool against answers on paper, and against itself: batches, segments, rules, degenerate networks. */
import { describe, expect, test } from "vitest";
import { deepfool } from "../../../src/index.ts";
import type { DeepFoolResult, NdArray, OvershootRule } from "../../../src/index.ts";
import { randomArray } from "../numbers.ts";
import { affine, channelMeans, diagonal, fourClasses, load, oneDirection, parabola, sigmoidLayer } from "./closed-forms.ts";

const points = (...rows: number[][]): NdArray => ({ shape: [rows.length, rows[0]!.length], data: Float32Array.from(rows.flat()) });

describe("A: four affine classes, where each norm chooses another class", () => {
  test("l2 goes to class 1, the nearest in l2", async () => {
    using model = await load(fourClasses);
    const r = await deepfool(model, points([0.5, -0.25]), { norm: 2 });
    expect(r.perturbations.data[0]).toBeCloseTo(0.1224, 6);
    expect(r.perturbations.data[1]).toBeCloseTo(0.1632, 6);
    expect(r.norms[0]).toBeCloseTo(0.204, 6);
    expect([r.labels[0], r.newLabels[0], r.iterations[0], r.status[0]]).toEqual([0, 1, 1, "fooled"]);
  });
  test("l∞ goes to class 3, the nearest in l∞", async () => {
    using model = await load(fourClasses);
    const r = await deepfool(model, points([0.5, -0.25]), { norm: Infinity });
    expect(r.perturbations.data[0]).toBeCloseTo(0.1445, 6);
    expect(r.perturbations.data[1]).toBeCloseTo(0.1445, 6);
    expect([r.newLabels[0], r.iterations[0]]).toEqual([3, 1]);
  });
});

describe("B: a sigmoid layer, the authors' code in double precision", () => {
  const cases = [
    { x: [0.5, 0.5], r: [0.0071509158, -0.0125834433] },
    { x: [0.1, 0.9], r: [0.3306790131, -0.7429966491] },
    { x: [0.9, 0.1], r: [-0.3069491368, 0.5975798811] },
    { x: [0.25, 0.75], r: [0.1963666528, -0.3803561196] },
    { x: [0, 0], r: [-0.0871060172, 0.1535816619] },
  ];
  test("all five points at once", async () => {
    using model = await load(sigmoidLayer);
    const r = await deepfool(model, points(...cases.map(({ x }) => x)), { refine: false });
    cases.forEach(({ r: [first, second] }, i) => {
      expect(r.perturbations.data[2 * i]! / first!).toBeCloseTo(1, 4);
      expect(r.perturbations.data[2 * i + 1]! / second!).toBeCloseTo(1, 4);
      expect(r.iterations[i]).toBe(1);
    });
  });
});

describe("C: logits (x², 1) from x = 3 tell the overshoot rules apart", () => {
  const cases: { rule: OvershootRule; r: number; iterations: number; digits: number }[] = [
    { rule: "overshoot-inside", r: -2.0000672925, iterations: 4, digits: 5 },
    { rule: "overshoot-stop", r: -2.032, iterations: 3, digits: 5 },
    { rule: "overshoot-inside-epsilon", r: -2.0001674595, iterations: 4, digits: 5 },
  ];
  for (const { rule, r, iterations, digits } of cases) {
    test(rule, async () => {
      using model = await load(parabola);
      const result = await deepfool(model, points([3]), { rule });
      expect(result.perturbations.data[0]).toBeCloseTo(r, digits);
      expect(result.iterations[0]).toBe(iterations);
      expect(result.status[0]).toBe("fooled");
    });
  }
  test("overshoot-end lands on the boundary itself, and a shortest step decides", async () => {
    using model = await load(parabola);
    const result = await deepfool(model, points([3]), { rule: "overshoot-end", maxIterations: 50 });
    expect(result.perturbations.data[0]).toBeCloseTo(-2.04, 5);
    expect(result.status[0]).toBe("fooled");
    expect(result.iterations[0]).toBeLessThan(10);
  });
});

describe("E: a normal along the diagonal", () => {
  for (const d of [8, 24, 245]) {
    test(`${d} inputs, batch of 3`, async () => {
      using model = await load(diagonal(d));
      const x = points(...[0.75, 0.7, 0.8].map((v) => Array<number>(d).fill(v)));
      const l2 = await deepfool(model, x, { norm: 2 });
      const linf = await deepfool(model, x, { norm: Infinity });
      [0.25, 0.2, 0.3].forEach((z, i) => {
        expect(l2.norms[i]! / (1.02 * z * Math.sqrt(d))).toBeCloseTo(1, 4);
        expect(linf.norms[i]! / (1.02 * z)).toBeCloseTo(1, 4);
      });
    });
  }
  test("the rule with ε is longer by ε", async () => {
    using model = await load(diagonal(8));
    const x = points(Array<number>(8).fill(0.75));
    const l2 = await deepfool(model, x, { norm: 2, rule: "overshoot-inside-epsilon" });
    const linf = await deepfool(model, x, { norm: Infinity, rule: "overshoot-inside-epsilon" });
    expect(l2.norms[0]).toBeCloseTo(0.7213509, 5);
    expect(linf.norms[0]).toBeCloseTo(0.255102, 5);
  });
});

test("F: channel means", async () => {
  using model = await load(channelMeans(3, 4));
  const data = Float32Array.from({ length: 48 }, (_, i) => [0.5, 0.4, 0.3][Math.floor(i / 16)]!);
  const l2 = await deepfool(model, { shape: [1, 3, 4, 4], data }, { norm: 2 });
  const linf = await deepfool(model, { shape: [1, 3, 4, 4], data }, { norm: Infinity });
  expect(l2.norms[0]! / 1.02).toBeCloseTo(0.28284271, 5);
  expect(linf.norms[0]! / 1.02).toBeCloseTo(0.05, 6);
  expect([l2.newLabels[0], linf.newLabels[0]]).toEqual([1, 1]);
});

describe("G: invariances of affine networks", () => {
  const weights = Array.from({ length: 6 }, (_, k) => Array.from({ length: 5 }, (_, d) => Math.sin(3 * k + 7 * d + 1)));
  const biases = [0.3, -0.2, 0.1, 0.4, -0.5, 0.2];
  const x = randomArray([7, 5], 11);

  test("f(x + 1.02 r) = −0.02 f(x) for two classes, in one iteration", async () => {
    using model = await load(affine([weights[0]!, weights[1]!], [0.3, -0.2]));
    const result = await deepfool(model, x);
    const scores = (at: (i: number) => number) =>
      Array.from({ length: 7 }, (_, s) => weights[0]!.reduce((sum, w, d) => sum + (w - weights[1]![d]!) * at(5 * s + d), 0.5));
    const before = scores((i) => x.data[i]!);
    const after = scores((i) => x.data[i]! + result.perturbations.data[i]!);
    before.forEach((f, s) => {
      expect(after[s]! / f).toBeCloseTo(-0.02, 4);
      expect(result.iterations[s]).toBe(1);
    });
  });

  test("the number of candidates, a constant added to all logits and a positive scale change nothing", async () => {
    const variants = [
      { model: affine(weights, biases), candidates: 6 },
      {
        model: affine(
          weights,
          biases.map((b) => b + 5),
        ),
        candidates: 10,
      },
      {
        model: affine(
          weights.map((row) => row.map((w) => 4 * w)),
          biases.map((b) => 4 * b),
        ),
        candidates: 6,
      },
    ];
    const results: DeepFoolResult[] = [];
    for (const { model: definition, candidates } of variants) {
      using model = await load(definition);
      results.push(await deepfool(model, x, { candidates }));
    }
    for (const result of results.slice(1)) {
      result.perturbations.data.forEach((r, i) => expect(r).toBeCloseTo(results[0]!.perturbations.data[i]!, 5));
      expect([...result.newLabels]).toEqual([...results[0]!.newLabels]);
    }
  });

  test("a batch equals its singles, whatever the number of lanes", async () => {
    using model = await load(affine(weights, biases));
    const whole = await deepfool(model, x);
    const narrow = await deepfool(model, x, { batch: 2 });
    expect(narrow.perturbations.data).toEqual(whole.perturbations.data);
    for (let i = 0; i < 7; i++) {
      const single = await deepfool(model, { shape: [1, 5], data: x.data.slice(5 * i, 5 * i + 5) });
      expect([...single.perturbations.data]).toEqual([...whole.perturbations.data.subarray(5 * i, 5 * i + 5)]);
      expect(single.iterations[0]).toBe(whole.iterations[i]);
    }
  });
});

describe("degenerate networks end in a named state, never in NaN", () => {
  test("no direction: all logits constant", async () => {
    using model = await load(affine([[0, 0], [0, 0], [0, 0]], [3, 2, 1])); // prettier-ignore
    const result = await deepfool(model, points([1, 2], [3, 4]));
    expect(result.status).toEqual(["no-direction", "no-direction"]);
    expect([...result.perturbations.data]).toEqual([0, 0, 0, 0]);
    expect(result.meanRho).toBeNull();
  });
  test("one dead candidate is passed over", async () => {
    using model = await load(affine([[1, 0], [1, 0], [0, 1]], [1, 0, 0])); // prettier-ignore
    const result = await deepfool(model, points([1, 0]));
    expect([result.newLabels[0], result.status[0]]).toEqual([2, "fooled"]);
  });
  test("equal logits: the lowest index is the label", async () => {
    using model = await load(affine([[1, 0], [0, 1]], [0, 0])); // prettier-ignore
    const result = await deepfool(model, points([1, 1]), { maxIterations: 3 });
    expect(result.labels[0]).toBe(0);
    expect(result.perturbations.data.every(Number.isFinite)).toBe(true);
  });
  test("exhausted: too few iterations", async () => {
    using model = await load(parabola);
    const result = await deepfool(model, points([3], [1.01]), { maxIterations: 1 });
    expect(result.status).toEqual(["exhausted", "fooled"]);
    expect([...result.iterations]).toEqual([1, 1]);
  });
});

test("concurrent attacks on one model queue and agree with one after another", async () => {
  using model = await load(oneDirection);
  const inputs = [points([-1, -1]), points([-2, 0]), points([1, 3])];
  const together = await Promise.all(inputs.map((x) => deepfool(model, x)));
  for (const [i, x] of inputs.entries()) {
    expect([...together[i]!.perturbations.data]).toEqual([...(await deepfool(model, x)).perturbations.data]);
  }
});

test("aborting rejects with the signal's reason and leaves the model usable", async () => {
  using model = await load(oneDirection);
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await expect(deepfool(model, points([1, 1]), { signal: controller.signal })).rejects.toThrow("enough");
  expect((await deepfool(model, points([1, 1]))).status).toEqual(["fooled"]);
});

test("wrong arguments say which and why", async () => {
  using model = await load(oneDirection);
  await expect(deepfool(model, points([1, 2, 3]))).rejects.toThrow("takes [N, 2], N ≥ 1, given [1, 3]");
  const bytes = { shape: [1, 2], data: Uint8Array.of(1, 2) as never };
  await expect(deepfool(model, bytes)).rejects.toThrow("of shape [1, 2] takes data as Float32Array of 2, given Uint8Array of 2");
  await expect(deepfool(model, points([1, 2]), { norm: 3 })).rejects.toThrow('deepfool: option "norm" is 3, expected 2 or Infinity');
  await expect(deepfool(model, points([1, 2]), { candidates: 1 })).rejects.toThrow(
    'option "candidates" is 1, expected an integer of at least 2',
  );
  await expect(deepfool(model, points([1, 2]), { maxIterations: 0 })).rejects.toThrow(
    'option "maxIterations" is 0, expected an integer of at least 1',
  );
});
