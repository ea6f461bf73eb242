import { describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/errors.ts";
import { isIdentity, parsePreprocessing, resolvePreprocessing, type PreprocessingOptions } from "../../../src/data/preprocessing.ts";

describe("the file beside a model", () => {
  test("may say everything", () => {
    const options = {
      size: [224, 224],
      range: [0, 1],
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      channels: "rgb",
      layout: "NCHW",
      labels: ["tench", "goldfish"],
    };
    expect(parsePreprocessing(JSON.stringify(options), "m.json")).toEqual(options);
  });

  test("may say nothing", () => expect(parsePreprocessing("{}", "m.json")).toEqual({}));

  test.each([
    ["no JSON", "{size: 3}", "m.json: not JSON"],
    ["a list", "[]", "m.json: must hold an object"],
    ["null", "null", "m.json: must hold an object"],
    ["a misspelt key", `{"means": [0]}`, `m.json: key "means" is not known`],
    ["a size of one number", `{"size": 28}`, `m.json: key "size" must be [height, width]`],
    ["a fractional size", `{"size": [28.5, 28]}`, `key "size"`],
    ["a size of zero", `{"size": [0, 28]}`, `key "size"`],
    ["a range that falls", `{"range": [1, 0]}`, `m.json: key "range" must be [low, high], two numbers in ascending order, not [1,0]`],
    ["a mean in words", `{"mean": "imagenet"}`, `key "mean" must be a list of numbers`],
    ["an empty mean", `{"mean": []}`, `key "mean"`],
    ["a std of zero", `{"std": [1, 0, 1]}`, `key "std" must be a list of positive numbers`],
    ["unknown channels", `{"channels": "rgba"}`, `key "channels" must be one of rgb, bgr, gray, not "rgba"`],
    ["an unknown layout", `{"layout": "nchw"}`, `key "layout" must be one of NCHW, NHWC`],
    ["labels by number", `{"labels": {"0": "tench"}}`, `key "labels" must be a list of strings`],
  ])("%s is refused with file and key", (_name, text, reason) => {
    const read = () => parsePreprocessing(text, "m.json");
    expect(read).toThrow(DataError);
    expect(read).toThrow(reason);
  });
});

describe("completed for a model", () => {
  const resolve = (options: PreprocessingOptions, shape: number[]) => resolvePreprocessing(options, shape, "m.onnx");

  test.each([
    { name: "one channel first", shape: [1, 28, 28], size: [28, 28], channels: "gray", layout: "NCHW" },
    { name: "three channels first, wide", shape: [3, 24, 32], size: [24, 32], channels: "rgb", layout: "NCHW" },
    { name: "three channels last", shape: [24, 32, 3], size: [24, 32], channels: "rgb", layout: "NHWC" },
    { name: "one channel last", shape: [28, 28, 1], size: [28, 28], channels: "gray", layout: "NHWC" },
  ])("$name", ({ shape, size, channels, layout }) => {
    expect(resolve({}, shape)).toMatchObject({ size, channels, layout, range: [0, 1] });
  });

  test("one mean serves all channels", () => {
    expect(resolve({ mean: [0.5], std: [0.25] }, [3, 8, 8])).toMatchObject({ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  });

  test("a flat input takes images of a given size", () => {
    expect(resolve({ size: [28, 28] }, [784])).toMatchObject({ size: [28, 28], channels: "gray" });
  });

  test.each([
    { name: "a flat input without a size", options: {}, shape: [784], reason: "say the size of the images" },
    {
      name: "a flat input of another size",
      options: { size: [32, 32] as [number, number] },
      shape: [784],
      reason: "does not hold gray images of 32×32",
    },
    {
      name: "a size that is not the input's",
      options: { size: [32, 32] as [number, number] },
      shape: [1, 28, 28],
      reason: "takes images of 28×28, not 32×32",
    },
    {
      name: "colour for a gray network",
      options: { channels: "rgb" as const },
      shape: [1, 28, 28],
      reason: "has 1 channels in layout NCHW, rgb images have 3",
    },
    { name: "two channels", options: {}, shape: [2, 28, 28], reason: "has 2 channels" },
    {
      name: "two means for three channels",
      options: { mean: [0, 1] },
      shape: [3, 8, 8],
      reason: `key "mean" has 2 entries for 3 channels`,
    },
    { name: "no image at all", options: {}, shape: [4, 5], reason: "is not that of an image" },
  ])("$name is refused", ({ options, shape, reason }) => {
    expect(() => resolve(options, shape)).toThrow(reason);
    expect(() => resolve(options, shape)).toThrow("m.onnx: ");
  });
});

test("mean 0 and std 1 change nothing", () => {
  expect(isIdentity({})).toBe(true);
  expect(isIdentity({ mean: [0, 0], std: [1, 1] })).toBe(true);
  expect(isIdentity({ mean: [0.5] })).toBe(false);
  expect(isIdentity({ std: [2] })).toBe(false);
});
