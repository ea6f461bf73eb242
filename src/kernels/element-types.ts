/**
 * The element types of ONNX tensors (TensorProto.DataType), by code: how their bits are read and what range they have
 * (rare/rounding.ts rounds to them). Sources: onnx.proto and the pages "Float stored in 8 bits" and "Float stored in 4 bits" of the
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
