/** expect(float32 array).toMatchReference(tensor): every element within the error that float32 arithmetic may commit. */
import { expect } from "vitest";
import type { Tensor } from "../../reference/tensor.ts";
import { relativeError } from "../numbers.ts";

/** Smallest error that is looked at: float32's least normal number, below which arithmetic may flush to zero. */
const LEAST = 2 ** -126;

/** Largest relative l2 error of a whole tensor, whatever its elements' bounds. */
export const WHOLE_TENSOR = 2e-6;

/** The worst ratio of error to bound, and where it is. NaN counts as infinitely wrong. */
export function worstElement(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: ArrayLike<number>,
): { at: number; ratio: number } {
  let worst = { at: 0, ratio: 0 };
  for (let i = 0; i < expected.length; i++) {
    const ratio = Math.abs(found[i]! - expected[i]!) / (bound[i]! + LEAST);
    if (!(ratio <= worst.ratio)) worst = { at: i, ratio: Number.isNaN(ratio) ? Infinity : ratio };
  }
  return worst;
}

interface Reference {
  readonly data: ArrayLike<number>;
  readonly bound: ArrayLike<number>;
}

expect.extend({
  toMatchReference(found: ArrayLike<number>, expected: Reference) {
    if (found.length !== expected.data.length)
      return { pass: false, message: () => `${found.length} elements, expected ${expected.data.length}` };
    const { at, ratio } = worstElement(found, expected.data, expected.bound);
    const whole = relativeError(found, expected.data);
    return {
      pass: ratio <= 1 && whole <= WHOLE_TENSOR,
      message: () =>
        `element ${at} of ${found.length} is ${found[at]}, expected ${expected.data[at]}: ` +
        `${ratio.toPrecision(3)} times the rounding bound ${expected.bound[at]!.toExponential(2)}; relative l2 error ${whole.toExponential(2)}`,
    };
  },
});

interface ReferenceMatchers<R> {
  toMatchReference(expected: Tensor | Reference): R;
}

declare module "vitest" {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type, @typescript-eslint/no-explicit-any
  interface Matchers<T = any> extends ReferenceMatchers<T> {}
}
