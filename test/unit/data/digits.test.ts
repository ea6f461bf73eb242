import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeDigits } from "../../../src/data/digits.ts";
import { DataError } from "../../../src/data/errors.ts";

const json = readFileSync("models/mnist-digits.json", "utf8");
const bytes = readFileSync("models/mnist-digits.bin");

describe("the embedded digits", () => {
  const { compute, heldOut } = decodeDigits(json, bytes);

  test.each([
    ["computed from", compute],
    ["held out", heldOut],
  ])("%s: 500, each class 50 times, in [0, 1]", (_name, set) => {
    expect(set.images.shape).toEqual([500, 1, 28, 28]);
    const counts = Array.from({ length: 10 }, (_, label) => set.labels.filter((entry) => entry === label).length);
    expect(counts).toEqual(Array.from({ length: 10 }, () => 50));
    expect(Math.min(...set.images.data.subarray(0, 10_000))).toBe(0);
    expect(Math.max(...set.images.data.subarray(0, 10_000))).toBe(1);
  });

  test("no digit is in both sets", () => {
    const keys = (set: typeof compute) =>
      Array.from({ length: 500 }, (_, i) => Buffer.from(set.images.data.slice(i * 784, (i + 1) * 784).buffer).toString("base64"));
    const seen = new Set(keys(compute));
    expect(keys(heldOut).filter((key) => seen.has(key))).toEqual([]);
  });
});

test("files that do not belong together are refused", () => {
  expect(() => decodeDigits(json, bytes.subarray(1))).toThrow(DataError);
  expect(() => decodeDigits("{", bytes)).toThrow("mnist-digits.json");
});
