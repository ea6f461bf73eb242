/**
 * Derivatives of a TestModel by central differences in double precision: no derivative rule is used, so none can be wrong
 * twice. With steps of 10⁻⁶ both the truncation and the rounding of the difference are below 10⁻⁹ of the terms, a thousand
 * times finer than float32; the caller keeps kinks further away than the step can reach (`margin`).
 */
import { evaluate } from "./evaluate.ts";
import type { Feeds } from "./evaluate.ts";
import type { TestModel } from "./model.ts";

const STEP = 1e-6;

/** What rounding leaves of a difference, relative to the values it was taken of. */
export const DIFFERENCE_NOISE = 2 ** -52 / STEP;

/**
 * J u: the change of output `output` along direction `direction` of input `input`, for one sample. Smaller steps meet fewer
 * kinks and lose more to rounding.
 */
export function numericTangent(
  model: TestModel,
  feeds: Feeds,
  input: string,
  direction: ArrayLike<number>,
  { output = 0, step = STEP }: { readonly output?: number; readonly step?: number } = {},
): Float64Array {
  const moved = (sign: number) => {
    const x = Float64Array.from(feeds[input]!, (value, i) => value + sign * step * direction[i]!);
    return evaluate(model, { ...feeds, [input]: x }, { bounds: false }).outputs[output]!.data;
  };
  const [ahead, behind] = [moved(1), moved(-1)];
  return ahead.map((value, i) => (value - behind[i]!) / (2 * step));
}
