/** The two norms attacks are made for. */
import { ArgumentError } from "../runtime/errors.ts";

/** 2 for l2, Infinity for l∞. */
export type Norm = number;

export function checkNorm(norm: Norm): Norm {
  if (norm !== 2 && norm !== Infinity) throw new ArgumentError(`norm ${norm} is neither 2 nor Infinity`);
  return norm;
}

/** ‖values‖₂ or ‖values‖_∞, in double precision. */
export function normOf(values: Float32Array, norm: Norm): number {
  let result = 0;
  for (const value of values) result = norm === 2 ? result + value * value : Math.max(result, Math.abs(value));
  return norm === 2 ? Math.sqrt(result) : result;
}
