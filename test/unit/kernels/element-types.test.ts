/** The small element types of ONNX: every bit pattern, and rounding to them against a search of all patterns. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { INTEGER_RANGES, SMALL_FLOATS, smallFloatFromBits } from "../../../src/kernels/element-types.ts";
import type { SmallFloat } from "../../../src/kernels/element-types.ts";
import { roundToPowerOfTwo, roundToSmallFloat, roundToSteps, wrapInteger } from "../../../src/kernels/rare/rounding.ts";
import { decodeTensor } from "../../../src/runtime/onnx/decode.ts";

const bitsOf = ({ exponentBits, mantissaBits }: SmallFloat) => 1 + exponentBits + mantissaBits;
const patterns = (format: SmallFloat) => Array.from({ length: 2 ** bitsOf(format) }, (_, bits) => smallFloatFromBits(bits, format));
const formats = Object.entries(SMALL_FLOATS).map(([code, format]) => [Number(code), format] as const);

describe.each(formats)("the floats of type %i", (_, format) => {
  const all = patterns(format);
  const finite = all.filter((x) => Number.isFinite(x) && !Object.is(x, -0));

  test("their largest number, and that their finite numbers are all different", () => {
    expect(Math.max(...finite)).toBe(format.max);
    expect(new Set(finite).size).toBe(finite.length);
  });

  test("rounding leaves them alone and takes everything else to the nearest, the even one of two", () => {
    for (const x of finite) expect(roundToSmallFloat(x, format, true)).toBe(x);
    const sorted = finite.filter((x) => x >= 0).sort((a, b) => a - b);
    const evenOf = (a: number, b: number) => {
      const i = sorted.indexOf(a);
      return i % 2 === 0 ? a : b; // Neighbours alternate in their last bit.
    };
    sorted.slice(1).forEach((high, i) => {
      const low = sorted[i]!;
      const middle = (low + high) / 2;
      expect(roundToSmallFloat(middle, format, true)).toBe(evenOf(low, high));
      expect(roundToSmallFloat(-(middle + (high - low) / 64), format, true)).toBe(-high);
      expect(roundToSmallFloat(middle - (high - low) / 64, format, true)).toBe(low);
    });
  });

  test("what is too large", () => {
    expect(roundToSmallFloat(Infinity, format, true)).toBe(format.max);
    expect(roundToSmallFloat(-4 * format.max, format, true)).toBe(-format.max);
    const beyond = { ieee: -Infinity, "nan-last": NaN, "nan-zero": NaN, none: -format.max }[format.special];
    expect(roundToSmallFloat(-4 * format.max, format, false)).toBe(beyond);
    expect(all.some(Number.isNaN)).toBe(format.special !== "none");
    expect(all.includes(Infinity)).toBe(format.special === "ieee");
  });

  test("the form of the kernel, in steps of the smallest, is the same rounding", () => {
    const unit = 2 ** (1 - format.bias - format.mantissaBits);
    fc.assert(
      fc.property(fc.double({ min: -1.5 * format.max, max: 1.5 * format.max, noNaN: true }), (x) => {
        const found = roundToSteps(x / unit, format.mantissaBits, format.max / unit) * unit;
        return found === roundToSmallFloat(x, format, true);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

test("8-bit floats as their publication lists them", () => {
  const [e4m3, e5m2, e4m3fnuz] = [SMALL_FLOATS[17]!, SMALL_FLOATS[19]!, SMALL_FLOATS[18]!];
  expect([0x7e, 0x08, 0x07, 0x01, 0x7f, 0x80].map((bits) => smallFloatFromBits(bits, e4m3))).toEqual([
    448,
    2 ** -6,
    0.875 * 2 ** -6,
    2 ** -9,
    NaN,
    -0,
  ]);
  expect([0x7b, 0x04, 0x01, 0x7c, 0xfc].map((bits) => smallFloatFromBits(bits, e5m2))).toEqual([
    57344,
    2 ** -14,
    2 ** -16,
    Infinity,
    -Infinity,
  ]);
  expect([0x7f, 0x80].map((bits) => smallFloatFromBits(bits, e4m3fnuz))).toEqual([240, NaN]);
});

test("powers of two", () => {
  expect([1, 1.5, 2, -3, 0].map((x) => roundToPowerOfTwo(x, "up", true))).toEqual([1, 2, 2, 4, 2 ** -127]);
  expect([1, 1.5, 1.9, 3].map((x) => roundToPowerOfTwo(x, "down", true))).toEqual([1, 1, 1, 2]);
  expect([1.4, 1.5, 2.9, 3.1].map((x) => roundToPowerOfTwo(x, "nearest", true))).toEqual([1, 2, 2, 4]);
  expect(roundToPowerOfTwo(2 ** 127 * 1.5, "up", false)).toBe(NaN);
  expect(roundToPowerOfTwo(2 ** 127 * 1.5, "up", true)).toBe(2 ** 127);
});

test("casts to few bits cut and wrap around", () => {
  expect([7, 8, -8, -9, 1.9, -1.9, 16].map((x) => wrapInteger(x, INTEGER_RANGES[22]!))).toEqual([7, -8, -8, 7, 1, -1, 0]);
  expect([3, 4, -1].map((x) => wrapInteger(x, INTEGER_RANGES[25]!))).toEqual([3, 0, 3]);
});

describe("packed elements are read from raw bytes and from protobuf's list alike", () => {
  test.each([
    [21, [0x21, 0xf3], [3], [1, 2, 3]],
    [22, [0x8f, 0x07], [3], [-1, -8, 7]],
    [25, [0b11100100, 0b01], [5], [0, 1, 2, 3, 1]],
    [26, [0b11100100], [2, 2], [0, 1, -2, -1]],
    [23, [0x71, 0x0a], [3], [0.5, 6, -1]],
    [17, [0x38, 0xb8], [2], [1, -1]],
    [24, [127, 130, 255], [3], [1, 8, NaN]],
    [10, [0x00, 0x3c, 0x00, 0xc0], [2], [1, -2]],
    [16, [0x80, 0x3f, 0x00, 0xc0], [2], [1, -2]],
  ] as const)("type %i", (dataType, bytes, dims, expected) => {
    const raw = decodeTensor({ dataType, dims: [...dims], rawData: Uint8Array.from(bytes) }, "t");
    expect([...raw.data]).toEqual(expected);
    const words = dataType === 10 || dataType === 16 ? [...new Uint16Array(Uint8Array.from(bytes).buffer)] : [...bytes];
    expect([...decodeTensor({ dataType, dims: [...dims], int32Data: words }, "t").data]).toEqual(expected);
    const short = { dataType, dims: [...dims, 3], rawData: Uint8Array.from(bytes) };
    expect(() => decodeTensor(short, "t")).toThrow(/t declares \d+ elements but holds/);
    expect(() => decodeTensor({ dataType, dims: [...dims, 3], int32Data: words }, "t")).toThrow("elements but holds");
  });
});
