/** The two norms attacks are made for. */

/** 2 for l2, Infinity for l∞. */
export type Norm = number;

/** ‖values‖₂ or ‖values‖_∞, in double precision: squares of f32 numbers neither overflow nor vanish there. */
export function normOf(values: Float32Array, norm: Norm): number {
  let result = 0;
  for (const value of values) result = norm === 2 ? result + value * value : Math.max(result, Math.abs(value));
  return norm === 2 ? Math.sqrt(result) : result;
}
