/** Euclidean projection onto norm balls. */
import type { NdArray } from "../data/ndarray.ts";
import { projectFields } from "../options/attacks.ts";
import { checkField, checkOptions } from "../options/fields.ts";
import { checkFinite } from "./inputs.ts";
import { takeArray } from "../runtime/arrays.ts";
import { normOf } from "./norms.ts";
import type { Norm } from "./norms.ts";

export interface ProjectOptions {
  /** 2 or Infinity. */
  readonly norm: Norm;
  /** Radius of the ball, in the units of the array; positive and finite. */
  readonly radius: number;
}

/**
 * The point of the ball ‖v‖_p ≤ radius nearest to v in the Euclidean sense: for p = 2 a scaling, for p = ∞ a clamp
 * (Moosavi-Dezfooli et al. 2017, section 2). The whole array, of any shape, is one vector. v is left alone. Throws ArgumentError
 * for a wrong option or a number that is not finite, ShapeError where data and shape differ. The same map runs on the GPU inside
 * universalPerturbation (absorb.wgsl).
 */
export function project(v: NdArray, options: ProjectOptions): NdArray {
  const of = "project";
  const { norm, radius } = checkOptions<ProjectOptions>(of, projectFields, options);
  checkField(of, "norm", projectFields.norm, norm);
  checkField(of, "radius", projectFields.radius, radius);
  const { shape, data } = takeArray(`${of}: v`, v);
  checkFinite(of, "v", data);
  if (norm === Infinity) return { shape, data: data.map((x) => Math.min(Math.max(x, -radius), radius)) };
  const length = normOf(data, 2);
  const scale = length > radius ? radius / length : 1;
  return { shape, data: data.map((x) => x * scale) };
}
