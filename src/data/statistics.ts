// Proportions and their uncertainty.

/** A proportion count / n with its 95 % confidence interval. All three fractions lie in [0, 1]. */
export interface Rate {
  rate: number;
  count: number;
  n: number;
  low: number;
  high: number;
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
  if (n === 0) return { rate: Number.NaN, count, n, low: 0, high: 1 };
  const p = count / n;
  const z2 = z * z;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  // The exact bounds at p = 0 and p = 1 are 0 and 1; rounding would leave 1e-17 or 0.9999….
  const low = count === 0 ? 0 : Math.max(0, centre - half);
  const high = count === n ? 1 : Math.min(1, centre + half);
  return { rate: p, count, n, low, high };
}
