/** The least that plans allow, and what is said where more is held. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { leastBytes } from "../../../bench/least-memory.ts";
import { missed, wasteOf, type ResultRow, type Results } from "../../../bench/results.ts";
import { wasteText } from "../../../bench/table.ts";
import { SOFTWARE_ADAPTER } from "../../../src/runtime/describe.ts";

describe("least memory", () => {
  const lenet = readFileSync(new URL("../../../models/lenet.onnx", import.meta.url));
  const least = (samples: number) => leastBytes(lenet, { kind: "forward", samples }, SOFTWARE_ADAPTER)!;

  test("weights are held once, the rest grows with the samples", () => {
    const perSample = least(2) - least(1);
    expect(perSample).toBeGreaterThan(28 * 28 * 4);
    expect(Math.abs(least(32) - least(1) - 31 * perSample)).toBeLessThan(31 * 256); // Offsets are multiples of 256.
    expect(least(1)).toBeGreaterThan(perSample);
  });

  test("a Jacobian needs its rows twice, in the program and as the result", () => {
    const rows = 10;
    const bytes = leastBytes(lenet, { kind: "jacobian", samples: 1, rows }, SOFTWARE_ADAPTER)!;
    expect(bytes).toBeGreaterThan(least(1) + 2 * rows * 28 * 28 * 4);
  });

  test("no row is for anything else", () => {
    expect(leastBytes(lenet, { kind: "deepfool", samples: 1 }, SOFTWARE_ADAPTER)).toBeUndefined();
  });
});

describe("memory beside the least", () => {
  const row = (median: number): ResultRow => ({
    model: "lenet",
    row: "memory-forward-1",
    title: "peak memory: forward ×1",
    measure: "memory",
    cells: { nudge: { status: "measured", error: 0, pipelines: 1, compilingMs: 0, n: 1, median, low: median, high: median } },
    verdict: { target: 1, met: true },
    least: 1e6,
  });
  const results = (median: number) => ({ rows: [row(median)], sizes: [] }) as unknown as Results;

  test("is a multiple, and a miss above 1.3", () => {
    expect(wasteOf(row(1.2e6))).toBeCloseTo(1.2);
    expect(missed(results(1.29e6))).toEqual([]);
    expect(missed(results(1.31e6))).toEqual(["lenet: peak memory: forward ×1, beside the plan's least"]);
    expect(wasteText(row(1.5e6))).toEqual(["peak memory: forward ×1: 1.50× of the 1.0 MB that the plan needs, target ≤ 1.3× MISSED"]);
  });

  test("says nothing where nothing was measured", () => {
    const { least, ...rest } = row(1);
    expect(least).toBe(1e6);
    expect(wasteText(rest)).toEqual([]);
  });
});
