/** What each kind of option accepts, at the edges of its range, and how messages show a value. */
import { describe, expect, test } from "vitest";
import * as fields from "../../../src/options/fields.ts";
import type { Field } from "../../../src/options/fields.ts";
import { ArgumentError } from "../../../src/runtime/errors.ts";

const kinds: { kind: string; field: Field; expected: string; accepted: unknown[]; refused: unknown[] }[] = [
  {
    kind: "an integer with a least value",
    field: fields.integer(1),
    expected: "an integer of at least 1",
    accepted: [1, 2, Number.MAX_SAFE_INTEGER],
    refused: [0, -1, 1.5, 2 ** 53, NaN, Infinity, "1", null, undefined, [1], 1n],
  },
  {
    kind: "an integer between two bounds",
    field: fields.integer(-2, 3),
    expected: "an integer from -2 to 3",
    accepted: [-2, 0, 3],
    refused: [-3, 4, 0.5, Infinity],
  },
  {
    kind: "a seed",
    field: fields.seed,
    expected: "an integer from 0 to 4294967295",
    accepted: [0, 2 ** 32 - 1],
    refused: [-1, 2 ** 32, 0.5],
  },
  {
    kind: "a positive number",
    field: fields.positive,
    expected: "a positive finite number",
    accepted: [Number.MIN_VALUE, 1e300],
    refused: [0, -0, -1, Infinity, NaN, "1"],
  },
  {
    kind: "a number of at least 0",
    field: fields.nonNegative,
    expected: "a finite number of at least 0",
    accepted: [0, Number.MIN_VALUE, 1e300],
    refused: [-Number.MIN_VALUE, Infinity, NaN, "0", null, [2]],
  },
  {
    kind: "a rate",
    field: fields.fraction,
    expected: "a number in (0, 1]",
    accepted: [Number.MIN_VALUE, 0.5, 1],
    refused: [0, 1 + Number.EPSILON, -0.5, NaN],
  },
  {
    kind: "one of several",
    field: fields.oneOf(["a", 2, Infinity]),
    expected: '"a", 2 or Infinity',
    accepted: ["a", 2, Infinity],
    refused: ["2", "b", undefined],
  },
  { kind: "one of one", field: fields.oneOf(["a"]), expected: '"a"', accepted: ["a"], refused: ["b", ""] },
  {
    kind: "a flag",
    field: fields.flag,
    expected: "true or false",
    accepted: [true, false],
    refused: [0, 1, "true", undefined, null],
  },
  {
    kind: "a callback",
    field: fields.callback,
    expected: "a function",
    accepted: [() => undefined, String],
    refused: [{}, "f", null],
  },
  {
    kind: "a signal",
    field: fields.signal,
    expected: "an AbortSignal",
    accepted: [new AbortController().signal],
    refused: [new AbortController(), { aborted: true }, null],
  },
  { kind: "a text", field: fields.text, expected: "a string", accepted: ["", "x"], refused: [1, null, ["x"]] },
  {
    kind: "an object",
    field: fields.object,
    expected: "an object",
    accepted: [{}, new Date(0), Object.create(null)],
    refused: [null, undefined, [], "x", () => undefined],
  },
  { kind: "anything", field: fields.anything, expected: "a value", accepted: [0, null, undefined, "x"], refused: [] },
];

describe.each(kinds)("$kind", ({ field, expected, accepted, refused }) => {
  test("says what it expects", () => expect(field.expected).toBe(expected));
  // The answer is a boolean: some validators take whatever is not false for a yes.
  test.each(accepted.map((value) => [value]))("accepts %o", (value) => expect(field.accepts(value)).toBe(true));
  test.each(refused.map((value) => [value]))("refuses %o", (value) => expect(field.accepts(value)).toBe(false));
});

describe("a value in a message", () => {
  test.each<[string, unknown, string]>([
    ["a text in quotes", "cpu", '"cpu"'],
    ["a text of 60 characters whole", "x".repeat(60), `"${"x".repeat(60)}"`],
    ["a longer text cut to 58", "x".repeat(61), `"${"x".repeat(57)}…"`],
    ["a number", -0.5, "-0.5"],
    ["NaN", NaN, "NaN"],
    ["a BigInt", 5n, "5"],
    ["a boolean", false, "false"],
    ["null", null, "null"],
    ["undefined", undefined, "undefined"],
    ["a short array", [1, "a", null], "an Array"],
    ["a short array of plain values", [1, "a", true], "[1, a, true]"],
    ["eight values", [1, 2, 3, 4, 5, 6, 7, 8], "[1, 2, 3, 4, 5, 6, 7, 8]"],
    ["nine values", [1, 2, 3, 4, 5, 6, 7, 8, 9], "an Array"],
    ["an empty array", [], "[]"],
    ["an array of values and objects", [1, {}], "an Array"],
    ["a function", () => 1, "a function"],
    ["an object by its class", new Map(), "a Map"],
    ["an article before a vowel", new Error("x"), "an Error"],
    ["typed data by their class", new Float32Array(2), "a Float32Array"],
    ["an object without a class", Object.create(null), "an Object"],
  ])("%s", (_, value, text) => expect(fields.display(value)).toBe(text));
});

test("a single value is checked by name", () => {
  expect(() => fields.checkField("nudge", "seed", fields.seed, 7)).not.toThrow();
  expect(() => fields.checkField("nudge", "seed", fields.seed, -1)).toThrow(ArgumentError);
  expect(() => fields.checkField("nudge", "seed", fields.seed, -1)).toThrow(
    'nudge: "seed" is -1, expected an integer from 0 to 4294967295',
  );
});
