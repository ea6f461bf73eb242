/** Rounding to the small element types of element-types.ts. */
import { roundHalfEven } from "../element-types.ts";
import type { SmallFloat } from "../element-types.ts";

/** The exponent of |x|, so that 2^e ≤ |x| < 2^(e+1). */
function exponentOf(x: number): number {
  const e = Math.floor(Math.log2(x));
  return 2 ** e > x ? e - 1 : 2 ** (e + 1) <= x ? e + 1 : e;
}

/** x rounded to a float of some mantissa bits whose smallest step is 1, and held within ±max. */
export function roundToSteps(x: number, mantissaBits: number, max: number): number {
  const held = Math.min(Math.abs(x), max);
  const step = 2 ** Math.max(exponentOf(held) - mantissaBits, 0);
  return Math.sign(x) * roundHalfEven(held / step) * step;
}

/** x rounded to the nearest small float, the even one of two. What is too large becomes the largest, or what the type has for it. */
export function roundToSmallFloat(x: number, { mantissaBits, bias, max, special }: SmallFloat, saturate: boolean): number {
  // A type without NaN has 0 for it (the suite's cases; its manual leaves it open).
  if (Number.isNaN(x)) return special === "none" ? 0 : NaN;
  const magnitude = Math.abs(x);
  const step = 2 ** (Math.max(exponentOf(magnitude), 1 - bias) - mantissaBits);
  const rounded = Number.isFinite(magnitude) && magnitude > 0 ? roundHalfEven(magnitude / step) * step : magnitude;
  if (rounded <= max) return x < 0 ? -rounded : rounded;
  if (saturate || special === "none") return Math.sign(x) * max;
  return special === "ieee" ? Math.sign(x) * Infinity : NaN;
}

/** x rounded to a power of two: up, down, or to the nearest. Signs are lost; the smallest power stands for 0. */
export function roundToPowerOfTwo(x: number, mode: "up" | "down" | "nearest", saturate: boolean): number {
  const magnitude = Math.abs(x);
  if (Number.isNaN(x) || (magnitude === Infinity && !saturate)) return NaN;
  if (magnitude === 0) return 2 ** -127;
  if (magnitude === Infinity) return 2 ** 127;
  const e = exponentOf(magnitude);
  const up = mode === "up" ? magnitude > 2 ** e : mode === "nearest" && magnitude >= 1.5 * 2 ** e;
  const power = e + Number(up);
  if (power > 127 && !saturate) return NaN;
  return 2 ** Math.min(Math.max(power, -127), 127);
}

/** x cut to an integer and wrapped around into a range, as casts do. */
export function wrapInteger(x: number, [low, high]: readonly [number, number]): number {
  const count = high - low + 1;
  const cut = Math.trunc(x) - low;
  return cut - Math.floor(cut / count) * count + low;
}
