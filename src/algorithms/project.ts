/** Euclidean projection onto norm balls. */
import type { NdArray } from "../data/ndarray.ts";
import { ArgumentError } from "../runtime/errors.ts";
import { checkNorm, normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";

export interface ProjectOptions {
  /** 2 or Infinity. */
  readonly norm: Norm;
  /** Radius of the ball, in the units of the array; positive. */
  readonly radius: number;
}

/**
 * The point of the ball ‖v‖_p ≤ radius nearest to v in the Euclidean sense: for p = 2 a scaling, for p = ∞ a clamp
 * (Moosavi-Dezfooli et al. 2017, section 2). The whole array is one vector. v is left alone. Throws ArgumentError for another
 * norm or a radius that is not positive. The same map runs on the GPU inside universalPerturbation (absorb.wgsl).
 */
export function project(v: NdArray, { norm, radius }: ProjectOptions): NdArray {
  checkNorm(norm);
  if (!(radius > 0)) throw new ArgumentError(`radius ${radius} must be positive`);
  if (norm === Infinity) return { shape: v.shape, data: v.data.map((x) => Math.min(Math.max(x, -radius), radius)) };
  const length = normOf(v.data, 2);
  const scale = length > radius ? radius / length : 1;
  return { shape: v.shape, data: v.data.map((x) => x * scale) };
}
