import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wilsonInterval } from "../../../src/data/statistics.ts";

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
    expect(wilsonInterval(500, 500).high).toBe(1);
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
