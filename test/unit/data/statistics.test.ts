import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { finiteMean, medianOf, spreadOf, wilsonInterval } from "../../../src/data/statistics.ts";

describe("Wilson's interval", () => {
  // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
  // method 3 (Wilson score without continuity correction).
  test.each([
    { count: 81, n: 263, low: 0.2553, high: 0.3662 },
    { count: 15, n: 148, low: 0.0624, high: 0.1605 },
    { count: 0, n: 20, low: 0, high: 0.1611 },
    { count: 1, n: 29, low: 0.0061, high: 0.1718 },
  ])("$count of $n as published", ({ count, n, low, high }) => {
    const interval = wilsonInterval(count, n);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  test("contains the rate, stays in [0, 1] and mirrors for failures", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const count = Math.floor(share * n);
        const { rate, low, high } = wilsonInterval(count, n);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(rate);
        expect(high).toBeGreaterThanOrEqual(rate);
        const mirrored = wilsonInterval(n - count, n);
        expect(mirrored.low).toBeCloseTo(1 - high, 12);
        expect(mirrored.high).toBeCloseTo(1 - low, 12);
      }),
    );
  });

  test("is exactly 0 and 1 at the ends", () => {
    expect(wilsonInterval(0, 500).low).toBe(0);
    for (let n = 1; n <= 500; n++) expect([wilsonInterval(0, n).low, wilsonInterval(n, n).high]).toEqual([0, 1]);
  });

  test("knows nothing without trials", () => {
    expect(wilsonInterval(0, 0)).toEqual({ rate: Number.NaN, count: 0, n: 0, low: 0, high: 1 });
  });

  test.each([
    [-1, 5],
    [6, 5],
    [1.5, 5],
    [0, Number.NaN],
  ])("refuses %s of %s", (count, n) => {
    expect(() => wilsonInterval(count, n)).toThrow(RangeError);
  });
});

describe("medians, in which a failure counts as Infinity", () => {
  test.each([
    { values: [3], median: 3 },
    { values: [4, 1, 3], median: 3 },
    { values: [10, 9, 2, 1], median: 5.5 },
    { values: [1, Infinity, Infinity], median: Infinity },
    { values: [Infinity, 1, 2], median: 2 },
    { values: [1, 2, Infinity, Infinity], median: Infinity },
    { values: [Infinity, Infinity], median: Infinity },
  ])("$values → $median", ({ values, median }) => expect(medianOf(values)).toBe(median));

  test("sorts numbers, not their texts, and leaves the array alone", () => {
    const values = Float32Array.of(100, 9, 20);
    expect(medianOf(values)).toBe(20);
    expect([...values]).toEqual([100, 9, 20]);
  });
});

describe("means over those that are finite", () => {
  test.each([
    { values: [1, 2, 6], mean: 3, n: 3 },
    { values: [1, Infinity, 3], mean: 2, n: 2 },
    { values: [Infinity, Number.NaN], mean: null, n: 0 },
    { values: [], mean: null, n: 0 },
  ])("$values → $mean of $n", ({ values, mean, n }) => expect(finiteMean(values)).toEqual({ mean, n }));
});

test("the spread of a few numbers, with n − 1 in the standard deviation", () => {
  expect(spreadOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, standardDeviation: Math.sqrt(32 / 7), min: 2, max: 9, n: 8 });
  expect(spreadOf([0.25])).toEqual({ mean: 0.25, standardDeviation: 0, min: 0.25, max: 0.25, n: 1 });
});
