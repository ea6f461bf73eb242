// Proportions and their uncertainty, and what describes a few numbers.

/** A proportion count / n with its 95 % Wilson interval. All three fractions lie in [0, 1]. */
export interface Rate {
  readonly rate: number;
  readonly count: number;
  readonly n: number;
  readonly low: number;
  readonly high: number;
}

/** Of n numbers. */
export interface Spread {
  readonly mean: number;
  /** With n − 1 in the denominator; 0 for a single number. */
  readonly standardDeviation: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

/** Of at least one number, all finite. */
export function spreadOf(values: readonly number[]): Spread {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardDeviation: Math.sqrt(squares / Math.max(1, n - 1)), min: Math.min(...values), max: Math.max(...values), n };
}

/**
 * The median of at least one number; of an even count the mean of the two in the middle. Infinity stands for a distance that was
 * not reached: where half of them or more are infinite, so is the median.
 */
export function medianOf(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The mean of those that are finite, and how many these are; null where there is none. */
export function finiteMean(values: ArrayLike<number>): { mean: number | null; n: number } {
  const finite = Array.from(values).filter(Number.isFinite);
  return { mean: finite.length > 0 ? finite.reduce((sum, value) => sum + value, 0) / finite.length : null, n: finite.length };
}

/** The 97.5 % quantile of the standard normal distribution: two-sided 95 %. */
const Z_95 = 1.959963984540054;

/**
 * Wilson's score interval of count successes in n trials (E. B. Wilson, JASA 22, 1927). Unlike p ± z·√(p(1-p)/n) it stays
 * inside [0, 1] and keeps its coverage near 0 and 1, where fooling rates live. No trials: rate NaN, interval [0, 1].
 * @throws RangeError unless 0 ≤ count ≤ n, both integers
 */
export function wilsonInterval(count: number, n: number, z = Z_95): Rate {
  if (!Number.isInteger(count) || !Number.isInteger(n) || count < 0 || n < count) {
    throw new RangeError(`${count} of ${n} is not a proportion`);
  }
  const p = count / n;
  const z2 = z * z;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  // The exact bounds at p = 0 and p = 1 are 0 and 1, and without trials both; rounding would leave 1e-17 or 0.9999….
  const low = count === 0 ? 0 : Math.max(0, centre - half);
  const high = count === n ? 1 : Math.min(1, centre + half);
  return { rate: p, count, n, low, high };
}
