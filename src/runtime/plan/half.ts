/** Numbers as IEEE 754 binary16, the f16 of WGSL: rounded to the nearest, the even one of two. */
import { roundHalfEven } from "../../kernels/element-types.ts";
import type { Value } from "../graph/graph.ts";
import { isUnknown } from "../graph/unknown.ts";

/** The largest finite f16. */
export const HALF_MAX = 65_504;

/** From here on numbers round to infinity: halfway between HALF_MAX and the power of two that it lacks. */
const BEYOND = 65_520;

/** f32's bits of 2⁻¹⁴, the least normal f16. */
const LEAST_NORMAL = 0x38800000;
/** What f32's exponents are larger by than f16's, in place. */
const REBIAS = (127 - 15) << 23;
/** Bits of f32's significand that f16 lacks. */
const LOST = 13;
/** Subnormal numbers are whole multiples of 2⁻²⁴. */
const STEPS_IN_ONE = 2 ** 24;

/** Whether every number, as f32, has a finite f16 nearest to it; false for NaN and infinities. */
export function fitsHalf(data: ArrayLike<number>): boolean {
  for (let i = 0; i < data.length; i++) if (!(Math.abs(Math.fround(data[i]!)) < BEYOND)) return false;
  return true;
}

/** By constant, not by its array, which may be the caller's and hold other numbers at the next load. */
const fitting = new WeakMap<Value, boolean>();

/** As fitsHalf, of a constant's numbers. Every plan of a model asks, but they are looked through once. */
export function constantFitsHalf(constant: Value): boolean {
  const fits = fitting.get(constant) ?? (isUnknown(constant.data) || fitsHalf(constant.data!));
  fitting.set(constant, fits);
  return fits;
}

/** The bits of the f16 nearest to each number, which fitsHalf. What is below 2⁻²⁵ in size becomes zero, with its sign. */
export function halves(data: Float32Array): Uint16Array {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const found = new Uint16Array(data.length);
  for (let i = 0; i < found.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000;
    const magnitude = bits[i]! & 0x7fffffff;
    // A carry out of the significand goes to the exponent, where it belongs.
    const even = (magnitude >>> LOST) & 1;
    found[i] =
      sign |
      (magnitude < LEAST_NORMAL
        ? roundHalfEven(Math.abs(data[i]!) * STEPS_IN_ONE)
        : (magnitude - REBIAS + (1 << (LOST - 1)) - 1 + even) >>> LOST);
  }
  return found;
}
