/** What samples of a time come to, and how far two answers are apart. */
import { median, quantileSorted } from "d3-array";

export interface Summary {
  readonly n: number;
  readonly median: number;
  /** Quartiles: half of the samples lie between. */
  readonly low: number;
  readonly high: number;
}

/** Throws RangeError where there are no samples. */
export function summarise(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new RangeError("no samples");
  const sorted = [...samples].sort((a, b) => a - b);
  return { n: sorted.length, median: median(sorted)!, low: quantileSorted(sorted, 0.25)!, high: quantileSorted(sorted, 0.75)! };
}

/** ‖a − b‖₂ / ‖b‖₂ in double precision; infinite where lengths differ or a is not finite. */
export function relativeDistance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let [distance, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    distance += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  if (!Number.isFinite(distance)) return Infinity;
  return distance === 0 ? 0 : Math.sqrt(distance / size);
}
