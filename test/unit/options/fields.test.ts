import { describe, expect, test } from "vitest";
import { checkOptions, display, fraction, integer, oneOf, positive, signal, type Fields } from "../../../src/options/fields.ts";
import { ArgumentError } from "../../../src/runtime/errors.ts";

interface Options {
  readonly batch?: number;
  readonly norm?: number;
  readonly radius?: number;
  readonly rate?: number;
  readonly signal?: AbortSignal;
}

const fields: Fields<Options> = { batch: integer(1), norm: oneOf([2, Infinity]), radius: positive, rate: fraction, signal };
const check = (options: unknown) => checkOptions<Options>("attack", fields, options as Options);

describe("checkOptions", () => {
  test("returns what is given, without what is undefined", () => {
    expect(check(undefined)).toEqual({});
    const options = check({ batch: 3, norm: Infinity, radius: undefined });
    expect(options).toEqual({ batch: 3, norm: Infinity });
    expect("radius" in options).toBe(false);
  });

  const refused: [string, unknown, string][] = [
    ["zero", { batch: 0 }, 'attack: option "batch" is 0, expected an integer of at least 1'],
    ["a fraction", { batch: 1.5 }, 'attack: option "batch" is 1.5, expected an integer of at least 1'],
    ["NaN", { batch: NaN }, 'attack: option "batch" is NaN, expected an integer of at least 1'],
    ["Infinity", { radius: Infinity }, 'attack: option "radius" is Infinity, expected a positive finite number'],
    ["a numeral", { batch: "3" }, 'attack: option "batch" is "3", expected an integer of at least 1'],
    ["null", { radius: null }, 'attack: option "radius" is null, expected a positive finite number'],
    ["a rate above 1", { rate: 1.01 }, 'attack: option "rate" is 1.01, expected a number in (0, 1]'],
    ["another choice", { norm: 1 }, 'attack: option "norm" is 1, expected 2 or Infinity'],
    ["a wrong object", { signal: new Date(0) }, 'attack: option "signal" is a Date, expected an AbortSignal'],
    ["an unknown name", { bacth: 3 }, 'attack: there is no option "bacth"; there are batch, norm, radius, rate, signal'],
    ["a number for options", 3, "attack: options are 3, expected an object of batch, norm, radius, rate, signal"],
    ["an array for options", [3], "attack: options are [3], expected an object of batch, norm, radius, rate, signal"],
  ];
  for (const [what, options, message] of refused) {
    test(`refuses ${what}`, () => {
      expect(() => check(options)).toThrow(ArgumentError);
      expect(() => check(options)).toThrow(message);
    });
  }

  test("names of Object's own members are unknown options", () => {
    expect(() => check({ toString: 1 })).toThrow('there is no option "toString"');
  });
});

test("display shortens", () => {
  expect(display("x".repeat(100))).toHaveLength(60);
  expect(display(new Float32Array(3))).toBe("a Float32Array");
  expect(display(new ArrayBuffer(3))).toBe("an ArrayBuffer");
  expect(display(Object.create(null))).toBe("an Object");
});
