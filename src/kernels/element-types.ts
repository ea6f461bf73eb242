/**
 * The element types of ONNX tensors (TensorProto.DataType), by code: how their bits are read, what range they have, and how
 * a number is rounded to them. Sources: onnx.proto and the pages "Float stored in 8 bits" and "Float stored in 4 bits" of the
 * ONNX documentation; the 8-bit formats are those of Micikevicius et al. 2022 and Noune et al. 2022.
 */

/** The integers whose range quantisation holds to. */
export const INTEGER_RANGES: Readonly<Record<number, readonly [number, number]>> = {
  2: [0, 255],
  3: [-128, 127],
  4: [0, 65_535],
  5: [-32_768, 32_767],
  6: [-(2 ** 31), 2 ** 31 - 1],
  21: [0, 15],
  22: [-8, 7],
  25: [0, 3],
  26: [-2, 1],
};

/** A float of at most 16 bits: sign, exponent, mantissa. */
export interface SmallFloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** The largest finite number. */
  readonly max: number;
  /**
   * What stands beside the finite numbers. ieee: infinities and NaN in the highest exponent. nan-last: NaN in place of the
   * largest number. nan-zero: NaN in place of −0. none: nothing.
   */
  readonly special: "ieee" | "nan-last" | "nan-zero" | "none";
}

export const FLOAT16 = 10;
export const BFLOAT16 = 16;
/** Powers of two from 2⁻¹²⁷ to 2¹²⁷, and NaN: the scales of a block of small floats (OCP Microscaling Formats, 2023). */
export const FLOAT8E8M0 = 24;

export const SMALL_FLOATS: Readonly<Record<number, SmallFloat>> = {
  [FLOAT16]: { exponentBits: 5, mantissaBits: 10, bias: 15, max: 65_504, special: "ieee" },
  [BFLOAT16]: { exponentBits: 8, mantissaBits: 7, bias: 127, max: (2 - 2 ** -7) * 2 ** 127, special: "ieee" },
  17: { exponentBits: 4, mantissaBits: 3, bias: 7, max: 448, special: "nan-last" },
  18: { exponentBits: 4, mantissaBits: 3, bias: 8, max: 240, special: "nan-zero" },
  19: { exponentBits: 5, mantissaBits: 2, bias: 15, max: 57_344, special: "ieee" },
  20: { exponentBits: 5, mantissaBits: 2, bias: 16, max: 57_344, special: "nan-zero" },
  23: { exponentBits: 2, mantissaBits: 1, bias: 1, max: 6, special: "none" },
};

/** The number that the bits of a small float stand for. */
export function smallFloatFromBits(bits: number, { exponentBits, mantissaBits, bias, special }: SmallFloat): number {
  const highest = 2 ** exponentBits - 1;
  const sign = bits >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponent = (bits >> mantissaBits) & highest;
  const fraction = bits & (2 ** mantissaBits - 1);
  if (special === "ieee" && exponent === highest) return fraction ? NaN : sign * Infinity;
  if (special === "nan-last" && exponent === highest && fraction === 2 ** mantissaBits - 1) return NaN;
  if (special === "nan-zero" && sign < 0 && exponent === 0 && fraction === 0) return NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + fraction * 2 ** -mantissaBits) * 2 ** (exponent - bias);
}

/** The integer nearest to x, the even one of two. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const beyond = x - below;
  return beyond < 0.5 || (beyond === 0.5 && below % 2 === 0) ? below : below + 1;
}

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
