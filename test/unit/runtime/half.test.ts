/** Rounding to f16 against the slow definition of small floats, and which weights it is refused for. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FLOAT16, SMALL_FLOATS, smallFloatFromBits } from "../../../src/kernels/element-types.ts";
import { roundToSmallFloat } from "../../../src/kernels/rare/rounding.ts";
import { checkedStorage } from "../../../src/runtime/engine.ts";
import { AdapterError, ArgumentError } from "../../../src/runtime/errors.ts";
import { constantFitsHalf, fitsHalf, HALF_MAX, halves } from "../../../src/runtime/plan/half.ts";

const format = SMALL_FLOATS[FLOAT16]!;
const rounded = (...numbers: number[]) => Array.from(halves(Float32Array.from(numbers)), (bits) => smallFloatFromBits(bits, format));

describe("halves", () => {
  test("are the bits of every finite f16", () => {
    const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).filter((each) => Number.isFinite(smallFloatFromBits(each, format)));
    expect(bits.length).toBe(2 ** 16 - 2 ** 11);
    expect(halves(Float32Array.from(bits, (each) => smallFloatFromBits(each, format)))).toEqual(bits);
  });

  test("are the nearest, the even one where two are as near", () => {
    const finite = Array.from({ length: 0x7c00 }, (_, bits) => smallFloatFromBits(bits, format));
    const middles = finite.slice(1).map((high, i) => (high + finite[i]!) / 2);
    for (const step of [-1, 0, 1]) {
      const near = Float32Array.from(middles, (middle) => middle * (1 + step * 2 ** -20));
      expect(Array.from(halves(near), (bits) => smallFloatFromBits(bits, format))).toEqual(
        Array.from(near, (x) => roundToSmallFloat(x, format, false)),
      );
    }
  });

  test("of any f32 in range", () => {
    fc.assert(
      fc.property(fc.float({ min: -HALF_MAX, max: HALF_MAX, noNaN: true }), (x) => rounded(x)[0] === roundToSmallFloat(x, format, false)),
      { numRuns: 2000 },
    );
  });

  test("of a part of an array", () => {
    expect(halves(Float32Array.of(7, 1, -2).subarray(1))).toEqual(Uint16Array.of(0x3c00, 0xc000));
  });
});

test("what fits: numbers that round to finite ones, judged as f32", () => {
  expect(rounded(65_519.996, -65_519.996)).toEqual([HALF_MAX, -HALF_MAX]);
  expect(fitsHalf([65_519.996, -1e-30, 0])).toBe(true);
  for (const beyond of [65_520, -65_520, 1e6, Infinity, -Infinity, NaN]) expect(fitsHalf([1, beyond])).toBe(false);
  // In double precision it is below the bound, as f32 it is the bound.
  expect(fitsHalf(Float64Array.of(65_520 - 1e-9))).toBe(false);
});

test("a constant is looked through once", () => {
  const data = Float32Array.of(65_520);
  const constant = { name: "w", shape: [1], type: "float", lead: "shared", data } as const;
  expect(constantFitsHalf(constant)).toBe(false);
  data[0] = 1;
  expect(constantFitsHalf(constant)).toBe(false);
  expect(constantFitsHalf({ ...constant })).toBe(true);
});

test("storage is refused by name, and f16 where the device has none", () => {
  expect(checkedStorage(undefined, false)).toBe("f32");
  expect(checkedStorage("f16", true)).toBe("f16");
  expect(() => checkedStorage("f16", false)).toThrow(AdapterError);
  expect(() => checkedStorage("f16", false)).toThrow(/lacks the feature "shader-f16"; load the model with weights "f32"/);
  expect(() => checkedStorage("int8" as "f16", true)).toThrow(ArgumentError);
});
