/**
 * The error function in double precision, for constants and tests.
 *
 *   erf(x)  = 2/√π e^(−x²) Σ_n 2ⁿ x^(2n+1) / (1·3·…·(2n+1))              |x| < 2.5
 *   erfc(x) = e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …))))      beyond (Abramowitz & Stegun 7.1.6, 7.1.14)
 */
const SERIES_BELOW = 2.5;
const FRACTION_DEPTH = 120;

function series(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > Math.abs(sum) * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function tail(x: number): number {
  let fraction = x;
  for (let n = FRACTION_DEPTH; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}

export function erf(x: number): number {
  if (Math.abs(x) > 1e3) return Math.sign(x); // The fraction has no value at infinity.
  if (Math.abs(x) < SERIES_BELOW) return series(x);
  return Math.sign(x) * (1 - tail(Math.abs(x)));
}

/** 1 − erf x, without the difference where it would cancel. */
export function erfc(x: number): number {
  return x > 1e3 ? 0 : x < SERIES_BELOW ? 1 - erf(x) : tail(x);
}

/** Φ(x), the integral of the normal density up to x. */
export function normalIntegral(x: number): number {
  return erfc(-x / Math.SQRT2) / 2;
}
