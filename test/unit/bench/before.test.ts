import { expect, test } from "vitest";
import { slowdown, slower } from "../../../bench/before.ts";
import type { Cell } from "../../../bench/compare.ts";

const cell = (low: number, median: number, high: number): Cell => ({
  status: "measured",
  error: 0,
  pipelines: 1,
  compilingMs: 0,
  n: 5,
  low,
  median,
  high,
});

test("a slowdown is relative to the time before", () => {
  expect(slowdown(cell(1, 12, 20), cell(1, 10, 20))).toBeCloseTo(20);
  expect(slowdown(cell(1, 8, 20), cell(1, 10, 20))).toBeCloseTo(-20);
  expect(slowdown(cell(1, 8, 20), { status: "cannot", why: "no Jacobian" })).toBeUndefined();
});

test("a row is slower where it exceeds the allowance and the spread", () => {
  expect(slower(cell(105, 106, 107), cell(99, 100, 101), 3)).toBe(true);
  expect(slower(cell(102, 102.9, 104), cell(99, 100, 101), 3)).toBe(false); // within the allowance
  expect(slower(cell(100, 106, 112), cell(95, 100, 105), 3)).toBe(false); // within the spread
  expect(slower(cell(90, 91, 92), cell(99, 100, 101), 3)).toBe(false); // faster
  expect(slower(undefined, cell(99, 100, 101), 3)).toBe(false);
});
