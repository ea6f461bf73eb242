/** Bisection along rays, on labels that are known at every factor. */
import { describe, expect, test } from "vitest";
import { NO_LABEL } from "../../../src/algorithms/labels.ts";
import { refine } from "../../../src/algorithms/refine.ts";
import type { RayEnd } from "../../../src/algorithms/refine.ts";

/** A ray on which the label is 0 up to the boundary, and 1 beyond it. */
async function cut(boundary: number, { overshoot = 0.02, steps = 40 } = {}): Promise<RayEnd & { readonly tried: number[] }> {
  const tried: number[] = [];
  const [end] = await refine([{ image: 5, label: 0 }], { overshoot, steps }, async (images, [factor]) => {
    expect(images).toEqual([5]);
    tried.push(factor!);
    return Promise.resolve(Uint32Array.of(factor! > boundary ? 1 : 0));
  });
  expect(end!.forwards).toBe(tried.length);
  tried.forEach((factor) => expect(Math.fround(factor)).toBe(factor));
  return { ...end!, tried };
}

describe("a boundary where the walk was after it leaves r as it is", () => {
  test.each([1 / 1.02, 0.999, (1 - 2 ** -10) / 1.02 + 1e-6])("at %f of r: two forward passes", async (boundary) => {
    expect(await cut(boundary)).toMatchObject({ factor: 1, label: 1, fooled: true, forwards: 2 });
  });
  test("also without overshoot", async () => {
    expect(await cut(1 - 2 ** -11, { overshoot: 0 })).toMatchObject({ factor: 1, forwards: 2 });
    expect((await cut(1 - 2 ** -9, { overshoot: 0 })).factor).toBeLessThan(1);
  });
});

describe("a nearer one is found", () => {
  test.each([0.979, 0.9, 0.5, 0.49, 0.1, 1e-3, 1e-10, 3e-16, 1e-30])("at %f of r", async (boundary) => {
    const { factor, label, fooled, forwards, tried } = await cut(boundary);
    expect([label, fooled]).toEqual([1, true]);
    expect(factor).toBeGreaterThan(boundary);
    expect(factor / boundary).toBeLessThan(1 + 2 ** -12 + 1e-6);
    expect(tried).toContain(factor);
    expect(forwards).toBeLessThanOrEqual(30);
  });
  test("beyond the least number the label of the image itself ends the search", async () => {
    const { factor, forwards } = await cut(0);
    expect(factor).toBeGreaterThan(0);
    expect(factor).toBeLessThan(1e-30);
    expect(forwards).toBeLessThanOrEqual(42);
  });
  test.each([1, 2, 5])("as far as %i steps go, from beyond it", async (steps) => {
    const { factor, forwards } = await cut(0.3, { steps });
    expect(forwards).toBe(2 + steps);
    expect(factor).toBeGreaterThan(0.3);
    expect(factor).toBeLessThan(0.98);
  });
});

describe("r that rounding left short of the boundary is lengthened by as little as does", () => {
  test.each([1, 1 + 2 ** -19, 1.001])("boundary at %f", async (boundary) => {
    const { factor, fooled } = await cut(boundary);
    expect(fooled).toBe(true);
    expect(factor).toBeGreaterThan(boundary);
    expect(factor - 1).toBeLessThanOrEqual(Math.max(2 ** -20, 4 * (boundary - 1)) * (1 + 1e-6));
  });
  test("and given up where that does not help", async () => {
    expect(await cut(1.5)).toMatchObject({ fooled: false, forwards: 9 });
  });
});

test("no label is no other label", async () => {
  const [end] = await refine([{ image: 0, label: 0 }], { overshoot: 0.02, steps: 40 }, async (_, [factor]) =>
    Promise.resolve(Uint32Array.of(factor! > 0.9 ? 2 : factor! > 0.4 ? NO_LABEL : 0)),
  );
  expect(end).toMatchObject({ label: 2, fooled: true });
  expect(end!.factor).toBeGreaterThan(0.9);
  expect(end!.factor).toBeLessThan(0.9 * (1 + 2 ** -12));
});

test("images are tried together, and each only as long as it searches", async () => {
  const boundaries = [0.99, 0.2, 0.97];
  const asked: number[][] = [];
  const ends = await refine(
    boundaries.map((_, image) => ({ image, label: 7 })),
    { overshoot: 0.02, steps: 40 },
    async (images, factors) => {
      asked.push([...images]);
      return Promise.resolve(Uint32Array.from(images, (image, i) => (factors[i]! > boundaries[image]! ? 3 : 7)));
    },
  );
  expect(asked.slice(0, 3)).toEqual([[0, 1, 2], [0, 1, 2], [1, 2]]); // prettier-ignore
  expect(ends.map(({ label }) => label)).toEqual([3, 3, 3]);
  expect(ends.map(({ forwards }) => forwards)).toEqual(
    boundaries.map((_, image) => asked.filter((images) => images.includes(image)).length),
  );
});

test("nothing to refine asks for nothing", async () => {
  expect(await refine([], { overshoot: 0.02, steps: 40 }, () => Promise.reject(new Error("asked")))).toEqual([]);
});
