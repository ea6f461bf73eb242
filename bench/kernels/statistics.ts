/** Timings as numbers: percentiles, and what timestamps are rounded to. Pure. */
import { quantile } from "d3-array";
import type { Stamps } from "../../src/tuning/stopwatch.ts";

/** Linear interpolation between closest ranks, q from 0 to 1. NaN for an empty list. */
export function percentile(values: readonly number[], q: number): number {
  return quantile(values, q) ?? NaN;
}

export interface Spread {
  readonly median: number;
  /** 10th and 90th percentile. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: percentile(values, 0.5), low: percentile(values, 0.1), high: percentile(values, 0.9), samples: values.length };
}

/** Steps that browsers round timestamps to unless developer features are on; the coarsest first. */
const QUANTA = [100_000, 65_536, 1024] as const;
const LEAST_EVIDENCE = 4;

/** The step in nanoseconds that all timestamps are multiples of, as Chrome's are; undefined where they look unrounded. */
export function quantumOf(pairs: readonly Stamps[]): number | undefined {
  const stamps = pairs.flatMap(({ begin, end }) => [begin, end]).filter((stamp) => stamp > 0n);
  if (new Set(stamps).size < LEAST_EVIDENCE) return undefined;
  return QUANTA.find((quantum) => stamps.every((stamp) => stamp % BigInt(quantum) === 0n));
}
