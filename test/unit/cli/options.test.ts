import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import { assign } from "../../../src/cli/commands/run.ts";
import {
  parseCount,
  parseFraction,
  parseNorm,
  parseNumber,
  parsePositive,
  parseRows,
  parseSeed,
  UsageError,
} from "../../../src/cli/options.ts";

describe("values of options", () => {
  test("norms", () => {
    expect(parseNorm("l2")).toBe(2);
    expect(parseNorm("linf")).toBe(Infinity);
  });
  test("numbers and fractions", () => {
    expect(parseNumber("-0.5")).toBe(-0.5);
    expect(parseNumber("10/255")).toBeCloseTo(10 / 255, 15);
    expect(parseNumber("1e-3")).toBe(1e-3);
  });
  test("rows", () => {
    expect(parseRows("all")).toBe("all");
    expect(parseRows("top:10")).toBe("top10");
    expect(parseRows("3")).toEqual([3]);
    expect(parseRows("0,7,3")).toEqual([0, 7, 3]);
  });
  test("counts and seeds", () => {
    expect(parseCount("10")).toBe(10);
    expect(parseCount("1e3")).toBe(1000);
    expect(parseSeed("0")).toBe(0);
    expect(parseSeed("4294967295")).toBe(4294967295);
  });

  test.each([
    [parseNorm, "l3"],
    [parseNorm, "L2"],
    [parseNumber, ""],
    [parseNumber, "ten"],
    [parseNumber, "1/0"],
    [parseNumber, "1/2/3"],
    [parsePositive, "0"],
    [parsePositive, "-1"],
    [parseFraction, "80"],
    [parseFraction, "0"],
    [parseCount, "0"],
    [parseCount, "1.5"],
    [parseCount, "0x10"],
    [parseCount, "9e15.5"],
    [parseSeed, "-1"],
    [parseSeed, "4294967296"],
    [parseRows, "top:0"],
    [parseRows, "top10"],
    [parseRows, "1,,2"],
    [parseRows, "-1"],
    [parseRows, ""],
  ] as [(text: string) => unknown, string][])("%o refuses %j", (parse, text) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
  });
});

describe("files for the ports of a model", () => {
  const assignInputs = (values: string[], ports: string[]) => Object.fromEntries(assign("input", values, ports, "m.onnx"));

  test("one port needs no name", () => expect(assignInputs(["x.npy"], ["image"])).toEqual({ image: "x.npy" }));
  test("a name may be given all the same", () => expect(assignInputs(["image=x.npy"], ["image"])).toEqual({ image: "x.npy" }));
  test("names may hold =", () => expect(assignInputs(["a=b=x.npy"], ["a=b", "c"])).toEqual({ "a=b": "x.npy" }));
  test("a folder may hold =", () => expect(assignInputs(["./k=1/x.npy"], ["image"])).toEqual({ image: "./k=1/x.npy" }));
  test("several", () => expect(assignInputs(["b=2.npy", "a=1.npy"], ["a", "b"])).toEqual({ a: "1.npy", b: "2.npy" }));

  test.each([
    {
      name: "no name for one of two",
      values: ["x.npy"],
      ports: ["a", "b"],
      reason: 'm.onnx: has 2 inputs: say which is meant by --input NAME=x.npy; its inputs are "a", "b"',
    },
    { name: "an unknown name", values: ["z=x.npy"], ports: ["a"], reason: 'm.onnx: has no input "z"; its inputs are "a"' },
    { name: "a name twice", values: ["a=1.npy", "a=2.npy"], ports: ["a"], reason: 'given twice for "a"' },
  ])("$name is wrong usage", ({ values, ports, reason }) => {
    expect(() => assignInputs(values, ports)).toThrow(UsageError);
    expect(() => assignInputs(values, ports)).toThrow(reason);
  });
});
