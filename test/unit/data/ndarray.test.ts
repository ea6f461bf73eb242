import { describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/errors.ts";
import { elementCount, ndarray, sampleAt, sliceBatch, stack } from "../../../src/data/ndarray.ts";

test("a scalar has one element, an empty axis none", () => {
  expect(elementCount([])).toBe(1);
  expect(elementCount([3, 0, 2])).toBe(0);
});

describe("ndarray", () => {
  test("fills with zeros", () => expect(ndarray([2, 2])).toEqual({ shape: [2, 2], data: new Float32Array(4) }));
  test("takes plain numbers", () => expect(ndarray([2], [1, 2]).data).toEqual(Float32Array.of(1, 2)));
  test("refuses a wrong length", () => expect(() => ndarray([2, 2], [1])).toThrow("shape [2, 2] needs 4 elements, 1 are given"));
});

describe("stack and sliceBatch", () => {
  const a = ndarray([2, 2], [1, 2, 3, 4]);
  const b = ndarray([2, 2], [5, 6, 7, 8]);

  test("undo each other", () => {
    const batch = stack([a, b]);
    expect(batch.shape).toEqual([2, 2, 2]);
    expect(sampleAt(batch, 0)).toEqual(a);
    expect(sampleAt(batch, 1)).toEqual(b);
  });

  test("a slice shares its memory and may be empty", () => {
    const batch = stack([a, b]);
    sliceBatch(batch, 1, 2).data[0] = 50;
    expect(batch.data[4]).toBe(50);
    expect(sliceBatch(batch, 1, 1).shape).toEqual([0, 2, 2]);
  });

  test("refuse what does not fit", () => {
    expect(() => stack([])).toThrow(DataError);
    expect(() => stack([a, ndarray([4])])).toThrow("cannot stack [4] on [2, 2]");
    expect(() => sliceBatch(stack([a, b]), 1, 3)).toThrow("samples 1 to 3");
  });
});
