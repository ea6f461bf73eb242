import { describe, expect, test } from "vitest";
import { addTo, clipTo, roundTo } from "../../../src/data/perturb.ts";

const bytes = { low: 0, high: 255, levels: 256 };

test("one perturbation is added to every image, which stay as they are", () => {
  const images = Float32Array.of(1, 2, 3, 4);
  expect([...addTo(images, Float32Array.of(10, 20))]).toEqual([11, 22, 13, 24]);
  expect([...images]).toEqual([1, 2, 3, 4]);
});

test("clipping keeps both ends", () => {
  expect([...clipTo({ low: -1, high: 2, levels: 4 }, Float32Array.of(-1.5, -1, 0.3, 2, 2.5))]).toEqual([-1, -1, Math.fround(0.3), 2, 2]);
});

describe("rounding to the levels of a picture", () => {
  test.each([
    ["whole levels stay", bytes, 200, 200],
    ["just below a half goes down", bytes, 127.49, 127],
    ["a half goes up", bytes, 127.5, 128],
    ["just above a half goes up", bytes, 127.51, 128],
    ["half a level above the lowest", bytes, 0.5, 1],
    ["below the range, to the lowest", bytes, -3, 0],
    ["above the range, to the highest", bytes, 255.4, 255],
    ["a range that does not begin at zero", { low: -1, high: 1, levels: 3 }, 0.49, 0],
    ["and its half", { low: -1, high: 1, levels: 3 }, 0.5, 1],
    ["two levels are the ends", { low: 0, high: 1, levels: 2 }, 0.4, 0],
    ["two levels, the other end", { low: 0, high: 1, levels: 2 }, 0.6, 1],
    ["five levels, a quarter apart", { low: 0, high: 1, levels: 5 }, 0.55, 0.5],
  ])("%s", (_, range, value, expected) => {
    expect([...roundTo(range, Float32Array.of(value))]).toEqual([expected]);
  });
});
