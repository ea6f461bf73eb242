import { expect, test } from "vitest";
import { relativeDistance, summarise } from "../../../bench/statistics.ts";

test("medians and quartiles do not depend on the order", () => {
  expect(summarise([5, 1, 4, 2, 3])).toEqual({ n: 5, median: 3, low: 2, high: 4 });
  expect(summarise([10, 2])).toEqual({ n: 2, median: 6, low: 4, high: 8 });
  expect(summarise([7])).toEqual({ n: 1, median: 7, low: 7, high: 7 });
});

test("no samples have no median", () => {
  expect(() => summarise([])).toThrow(RangeError);
});

test("the distance is relative to the reference", () => {
  const reference = Float32Array.from([0, 3, 4]);
  expect(relativeDistance(Float32Array.from([0, 3, 4]), reference)).toBe(0);
  expect(relativeDistance(Float32Array.from([5, 3, 4]), reference)).toBe(1);
  expect(relativeDistance(Float32Array.from([0, 0]), Float32Array.from([0, 0]))).toBe(0);
  expect(relativeDistance(Float32Array.from([1]), Float32Array.from([0]))).toBe(Infinity);
});
