/** Timings as numbers: percentiles, and which timestamps of a GPU may be believed. Pure. */
import { quantile } from "d3-array";

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

export interface TimestampPair {
  /** Nanoseconds by the GPU's clock. */
  readonly begin: bigint;
  readonly end: bigint;
}

/** Nanoseconds that passed, without pairs that stand still or run backwards, as some adapters' do when clocks are reset. */
export function believable(pairs: readonly TimestampPair[]): number[] {
  return pairs.filter(({ begin, end }) => end > begin).map(({ begin, end }) => Number(end - begin));
}

/** Steps that browsers round timestamps to unless developer features are on; the coarsest first. */
const QUANTA = [100_000, 65_536, 1024] as const;
const LEAST_EVIDENCE = 4;

/** The step in nanoseconds that all timestamps are multiples of, as Chrome's are; undefined where they look unrounded. */
export function quantumOf(pairs: readonly TimestampPair[]): number | undefined {
  const stamps = pairs.flatMap(({ begin, end }) => [begin, end]).filter((stamp) => stamp > 0n);
  if (new Set(stamps).size < LEAST_EVIDENCE) return undefined;
  return QUANTA.find((quantum) => stamps.every((stamp) => stamp % BigInt(quantum) === 0n));
}
