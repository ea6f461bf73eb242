/** Universal perturbations against answers on paper, projections, and the evaluation of both. */
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { deepfool, evaluate, labelsOf, project, universalPerturbation } from "../../../src/index.ts";
import type { Model, NdArray } from "../../../src/index.ts";
import { randomLike } from "../../../src/algorithms/evaluate.ts";
import { seededShuffle, seededUniform } from "../../../src/algorithms/random.ts";
import { spreadOf } from "../../../src/data/statistics.ts";
import { randomArray } from "../numbers.ts";
import { affine, load, oneDirection, rootNetwork } from "./closed-forms.ts";

const u = [0.6, 0.8];
const along = (...margins: number[]): NdArray => ({
  shape: [margins.length, 2],
  data: Float32Array.from(margins.flatMap((m) => u.map((c) => -m * c))),
});

/** What Algorithm 1 does on D when images of margins m₁, m₂, … are visited in that order: c along u. */
function expectedLength(order: readonly number[]): number {
  let c = 0;
  // An image of margin m is fooled when c > m; DeepFool then adds 1.02 (m − c). Equality is a tie, and keeps label 0.
  for (const m of order) if (!(c > m)) c += 1.02 * (m - c);
  return c;
}

describe("D: logits (0, u·x), images −u, −2u, −3u", () => {
  test("every order ends where the recursion on paper ends", async () => {
    using model = await load(oneDirection);
    const seen = new Set<string>();
    for (let seed = 0; seed < 12; seed++) {
      const result = await universalPerturbation(model, along(1, 2, 3), { norm: Infinity, radius: 10, seed });
      const order = [...seededShuffle(3, seed, 1)].map((i) => i + 1);
      seen.add(order.join());
      const c = expectedLength(order);
      expect(result.perturbation.data[0]).toBeCloseTo(0.6 * c, 4);
      expect(result.perturbation.data[1]).toBeCloseTo(0.8 * c, 4);
      expect([result.foolingRate, result.reachedTarget, result.passes.length]).toEqual([1, true, 1]);
      expect(c).toBeGreaterThanOrEqual(3);
      expect(c).toBeLessThanOrEqual(1.02 * 3 + 1e-6);
    }
    expect(seen.size).toBeGreaterThan(2);
  });

  test("published values of the original code: c of the orders (1,2,3), (1,3,2), (2,1,3) and (3,·,·)", () => {
    expect(expectedLength([1, 2, 3])).toBeCloseTo(3.019608, 6);
    expect(expectedLength([1, 3, 2])).toBeCloseTo(3.0396, 6);
    expect(expectedLength([2, 1, 3])).toBeCloseTo(3.0192, 6);
    expect(expectedLength([3, 1, 2])).toBeCloseTo(3.06, 6);
  });

  test("a ball that is too small: v = (2, 2), two thirds fooled, and it says that the target was not reached", async () => {
    using model = await load(oneDirection);
    const result = await universalPerturbation(model, along(1, 2, 3), { norm: Infinity, radius: 2, maxPasses: 4 });
    expect([...result.perturbation.data]).toEqual([2, 2]);
    expect(result.foolingRate).toBeCloseTo(2 / 3, 10);
    expect(result.reachedTarget).toBe(false);
    expect(result.passes.length).toBe(4);
  });

  test("acceptIterations 0 is the authors' quirk: nothing is ever accepted", async () => {
    using model = await load(oneDirection);
    const result = await universalPerturbation(model, along(1, 2, 3), { radius: 10, acceptIterations: 0, maxPasses: 2 });
    expect([...result.perturbation.data]).toEqual([0, 0]);
    expect([result.foolingRate, result.reachedTarget]).toEqual([0, false]);
  });

  test("l2 ball: ‖v‖₂ stays within the radius", async () => {
    using model = await load(oneDirection);
    const result = await universalPerturbation(model, along(1, 2, 3), { norm: 2, radius: 1.5, maxPasses: 2 });
    expect(Math.hypot(...result.perturbation.data)).toBeCloseTo(1.5, 5);
    expect(result.foolingRate).toBeCloseTo(1 / 3, 10);
  });
});

/** Algorithm 1 in plain TypeScript, one image at a time, with the engine's DeepFool on single images as its inner step. */
async function algorithmOne(model: Model, images: NdArray, radius: number, norm: number, order: Uint32Array): Promise<Float32Array> {
  const d = images.data.length / images.shape[0]!;
  let v = new Float32Array(d);
  for (const i of order) {
    const x = images.data.subarray(i * d, (i + 1) * d);
    const at = { shape: [1, d], data: x.map((value, j) => value + v[j]!) };
    const label = (await deepfool(model, { shape: [1, d], data: x.slice() }, { maxIterations: 1 })).labels[0];
    const r = await deepfool(model, at);
    if (r.labels[0] !== label || r.status[0] !== "fooled") continue;
    v = project({ shape: [d], data: v.map((value, j) => value + r.perturbations.data[j]!) }, { norm, radius }).data.slice();
  }
  return v;
}

describe("scanning ahead changes nothing: the same v as one image at a time", () => {
  const weights = Array.from({ length: 5 }, (_, k) => Array.from({ length: 9 }, (_, d) => Math.sin(5 * k + 3 * d + 2)));
  for (const { norm, radius } of [
    { norm: Infinity, radius: 0.3 },
    { norm: 2, radius: 0.8 },
  ]) {
    for (const batch of [1, 4, 32]) {
      test(`norm ${norm}, scanning up to ${batch}`, async () => {
        using model = await load(affine(weights, [0.1, 0, -0.1, 0.2, 0]));
        const images = randomArray([23, 9], 5);
        const result = await universalPerturbation(model, images, { norm, radius, batch, maxPasses: 1, targetFoolingRate: 1, seed: 3 });
        const expected = await algorithmOne(model, images, radius, norm, seededShuffle(23, 3, 1));
        result.perturbation.data.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
      });
    }
  }
});

describe("H: projections", () => {
  const vector = fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 40 });
  const array = (data: readonly number[]): NdArray => ({ shape: [data.length], data: Float32Array.from(data) });
  const size = (data: Float32Array, norm: number) => (norm === 2 ? Math.hypot(...data) : Math.max(...data.map(Math.abs)));

  for (const norm of [2, Infinity]) {
    test(`norm ${norm}: inside the ball, idempotent, identity inside, keeps signs, does not expand`, () => {
      fc.assert(
        fc.property(vector, vector, fc.double({ min: 0.1, max: 60, noNaN: true }), (a, b, radius) => {
          const p = project(array(a), { norm, radius }).data;
          expect(size(p, norm)).toBeLessThanOrEqual(radius * (1 + 1e-6));
          const again = project(array([...p]), { norm, radius }).data;
          again.forEach((value, i) => expect(value).toBeCloseTo(p[i]!, 4));
          if (size(Float32Array.from(a), norm) <= radius) expect([...p]).toEqual([...Float32Array.from(a)]);
          p.forEach((value, i) => expect(value * a[i]!).toBeGreaterThanOrEqual(0));
          if (b.length !== a.length) return;
          const q = project(array(b), { norm, radius }).data;
          const distance = (x: ArrayLike<number>, y: ArrayLike<number>) => Math.hypot(...Array.from(x, (value, i) => value - y[i]!));
          expect(distance(p, q)).toBeLessThanOrEqual(distance(a, b) * (1 + 1e-5) + 1e-5);
        }),
        { seed: 7, numRuns: 200 },
      );
    });
  }
  test("values on paper", () => {
    expect([...project(array([3, -12, 0.5]), { norm: Infinity, radius: 10 }).data]).toEqual([3, -10, 0.5]);
    const scaled = project(array([3, 4]), { norm: 2, radius: 1 }).data;
    expect(scaled[0]).toBeCloseTo(0.6, 6);
    expect(scaled[1]).toBeCloseTo(0.8, 6);
  });
  test("a radius that is not positive is refused", () => {
    expect(() => project(array([1]), { norm: 2, radius: 0 })).toThrow('project: option "radius" is 0, expected a positive finite number');
  });
});

describe("evaluate", () => {
  test("raw, clipped and rounded rates of a perturbation whose effect is known", async () => {
    using model = await load(oneDirection);
    const images: NdArray = { shape: [4, 2], data: Float32Array.of(0.1, 0.1, 0.5, 0.5, 0.9, 0.9, 0.2, 0.2) };
    // Labels are 1 throughout (u·x > 0). v = −0.3 (1, 1) makes u·(x + v) negative for 0.1 and 0.2, but not once clipped to
    // [0, 1]: (0, 0) is a tie, which is label 0, so both still count.
    const v: NdArray = { shape: [2], data: Float32Array.of(-0.3, -0.3) };
    const result = await evaluate(model, images, v, { clip: [0, 1], norm: Infinity });
    expect([result.raw.count, result.clipped?.count, result.rounded?.count, result.n]).toEqual([2, 2, 2, 4]);
    expect([...result.labelsBefore]).toEqual([1, 1, 1, 1]);
    expect([...result.labelsAfter]).toEqual([0, 1, 1, 0]);
    expect(result.raw.low).toBeLessThan(0.5);
    expect(result.raw.high).toBeGreaterThan(0.5);
    expect(result.norms.linf).toBeCloseTo(0.3, 6);
  });
  test("rounding to few levels can undo a perturbation", async () => {
    using model = await load(affine([[0], [1]], [0, -0.5])); // prettier-ignore
    const images: NdArray = { shape: [1, 1], data: Float32Array.of(0.45) };
    const result = await evaluate(model, images, { shape: [1], data: Float32Array.of(0.1) }, { clip: [0, 1], levels: 5 });
    expect([result.raw.count, result.clipped?.count, result.rounded?.count]).toEqual([1, 1, 0]);
  });
  test("a perturbation of another shape is refused, the same number of elements or not", async () => {
    using model = await load(oneDirection);
    for (const shape of [[3], [2, 1], [1, 2]]) {
      const v = { shape, data: new Float32Array(shape.reduce((product, extent) => product * extent)) };
      await expect(evaluate(model, along(1), v)).rejects.toThrow(`evaluate: perturbation takes [2], given [${shape.join(", ")}]`);
    }
  });
  test("random noise: mean, standard deviation, minimum and maximum of the rates of seeded draws", async () => {
    using model = await load(affine([[0, 0], [1, 1]], [0, 0])); // prettier-ignore
    // Noise of l∞ norm 1 adds −2, 0 or 2 to x₀ + x₁ = 1: it changes the label only where both signs are minus.
    const image: NdArray = { shape: [1, 2], data: Float32Array.of(0.5, 0.5) };
    const v: NdArray = { shape: [2], data: Float32Array.of(1, 0.5) };
    const options = { norm: Infinity, seed: 4, draws: 7 };
    const expected = Array.from({ length: 7 }, (_, draw) => Number(randomLike(v.data, Infinity, 4, draw).every((sign) => sign < 0)));
    const { random } = await evaluate(model, image, v, options);
    expect(random).toEqual({ draws: 7, raw: spreadOf(expected) });
    expect(expected).toContain(1);
    expect(expected).toContain(0);
    expect((await evaluate(model, image, v, options)).random).toEqual(random);
    expect((await evaluate(model, image, v)).random.draws).toBe(20);
  });
  test("progress counts the forward passes of all images and ends at their number", async () => {
    using model = await load(oneDirection);
    for (const { clip, total } of [
      { clip: undefined, total: 3 * 5 },
      { clip: [-4, 4] as const, total: 3 * 10 },
    ]) {
      const seen: number[] = [];
      await evaluate(
        model,
        along(1, 2, 3),
        { shape: [2], data: Float32Array.of(1, 1) },
        {
          draws: 3,
          ...(clip && { clip }),
          onProgress: (progress) => {
            expect(progress.total).toBe(total);
            seen.push(progress.done);
          },
        },
      );
      expect(seen).toEqual(Array.from({ length: total / 3 }, (_, i) => 3 * (i + 1)));
    }
  });
  test("images whose logits hold NaN have no label and never count as fooled", async () => {
    using model = await load(rootNetwork);
    // Logits (√x₀, 1): NaN below 0. Images 0.25, 4 and −1; v = −1 leaves NaN, 3 and NaN.
    const images: NdArray = { shape: [3, 1], data: Float32Array.of(0.25, 4, -1) };
    const result = await evaluate(model, images, { shape: [1], data: Float32Array.of(-1) });
    expect([...result.labelsBefore]).toEqual([1, 0, 4294967295]);
    expect([...result.labelsAfter]).toEqual([4294967295, 0, 4294967295]);
    expect([result.raw.count, result.withoutLabel]).toEqual([0, 2]);
  });
});

test("labels of more images than are looked at together", async () => {
  using model = await load(oneDirection);
  const signs = Array.from({ length: 600 }, (_, i) => ((i * i) % 7 < 3 ? 1 : -1));
  const found = await labelsOf(model, along(...signs.map((sign) => -sign)));
  expect([...found]).toEqual(signs.map((sign) => Number(sign > 0)));
});

test("an image without a label before counts as one, also where v gives it one", async () => {
  using model = await load(rootNetwork);
  const result = await evaluate(model, { shape: [2, 1], data: Float32Array.of(-1, 4) }, { shape: [1], data: Float32Array.of(2) });
  expect([[...result.labelsBefore], [...result.labelsAfter]]).toEqual([
    [4294967295, 0],
    [0, 0],
  ]);
  // Logits (1, 1), whose first counts, and none before.
  expect([result.raw.count, result.withoutLabel]).toEqual([0, 1]);
});

test("random noise is judged rounded where the range is known, and only there", async () => {
  using model = await load(oneDirection);
  const [x, v] = [along(0.2, 0.4, 0.6), { shape: [2], data: Float32Array.of(0.5, 0.5) }];
  const judged = await evaluate(model, x, v, { clip: [-1, 1], draws: 3 });
  expect(judged.random.rounded).toMatchObject({ mean: expect.any(Number) as number, min: expect.any(Number) as number });
  expect((await evaluate(model, x, v, { draws: 3 })).random).not.toHaveProperty("rounded");
});

test("noise in l2 has the size of v and any direction; signs of l∞ follow the seeded draws", () => {
  const v = Float32Array.of(3, 4, 0, 0);
  const direction = randomLike(v, 2, 1);
  expect(Math.hypot(...direction)).toBeCloseTo(5, 5);
  expect(new Set(direction.map(Math.abs)).size).toBe(4);
  const draws = seededUniform(4, 1);
  expect([...randomLike(v, Infinity, 1)]).toEqual(Array.from(draws, (u) => (u < 0 ? -4 : 4)));
  // The second draw's stream: seed + 2654435769, below 2³².
  expect([...randomLike(v, Infinity, 1, 1)]).toEqual(Array.from(seededUniform(4, 2654435770), (u) => (u < 0 ? -4 : 4)));
});
