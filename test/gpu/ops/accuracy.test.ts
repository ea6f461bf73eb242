/** Element-wise functions and their slopes over their whole range, in units of the last place: tails, zero, large numbers. */
import { describe, expect, test } from "vitest";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { EPSILON } from "../../reference/tensor.ts";
import { sharedEngine } from "../engine.ts";

/** Smallest normal float32: below it arithmetic may flush to zero. */
const LEAST = 2 ** -126;

interface FunctionCase {
  readonly op: string;
  readonly f: (x: number) => number;
  readonly slope: (x: number) => number;
  readonly points: readonly number[];
  /** Units in the last place of the result that value and slope may be off, at x. */
  readonly ulps: (x: number) => number;
}

const grid = (low: number, high: number, count = 2000) =>
  Array.from({ length: count }, (_, i) => Math.fround(low + ((high - low) * i) / (count - 1)));
const tiny = [0, 1e-30, -1e-30, 1e-10, -1e-10, 1e-4, -1e-4].map(Math.fround);
const logistic = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const sech2 = (x: number) => {
  const e = Math.exp(-2 * Math.abs(x));
  return (4 * e) / ((1 + e) * (1 + e));
};

/** WGSL grants exp 3 + 2·|x| units; what is made from it inherits them. */
const likeExp = (more: number) => (x: number) => 3 + 2 * Math.abs(x) + more;

const cases: readonly FunctionCase[] = [
  { op: "Exp", f: Math.exp, slope: Math.exp, points: [...tiny, ...grid(-87, 88)], ulps: likeExp(0) },
  // 2⁻²¹ absolutely in [½, 2], which near 1 is many units of a small result: judged as units of 1 there.
  { op: "Log", f: Math.log, slope: (x) => 1 / x, points: [...grid(1e-3, 0.49), ...grid(2.01, 1e4), 1e-30, 1e30], ulps: () => 3 },
  { op: "Sigmoid", f: logistic, slope: (x) => logistic(x) * logistic(-x), points: [...tiny, ...grid(-87, 87), 1000], ulps: likeExp(6) },
  { op: "Tanh", f: Math.tanh, slope: sech2, points: grid(-43, 43), ulps: (x) => 4 * Math.abs(x) + (Math.abs(x) < 0.5 ? 24 : 9) },
  { op: "Tanh", f: Math.tanh, slope: sech2, points: [...tiny, ...grid(-0.0999, 0.0999)], ulps: () => 2 },
  { op: "Neg", f: (x) => -x, slope: () => -1, points: [...tiny, ...grid(-1e30, 1e30)], ulps: () => 0 },
  { op: "Relu", f: (x) => Math.max(x, 0), slope: (x) => Number(x > 0), points: [...tiny, ...grid(-1e30, 1e30)], ulps: () => 0 },
];

/** The worst error in units of what is allowed, and where. */
function worst(
  found: Float32Array,
  points: readonly number[],
  f: (x: number) => number,
  ulps: (x: number) => number,
): { ratio: number; message: string } {
  let result = { ratio: 0, message: "" };
  points.forEach((x, i) => {
    const expected = f(x);
    const allowed = ulps(x) * EPSILON * Math.abs(expected) + LEAST;
    const ratio = Math.abs(found[i]! - expected) / allowed;
    if (!(ratio <= result.ratio)) result = { ratio, message: `at ${x}: ${found[i]}, expected ${expected}` };
  });
  return result;
}

describe("functions over their range", () => {
  test.each(cases.map((given) => [`${given.op} in [${Math.min(...given.points)}, ${Math.max(...given.points)}]`, given] as const))(
    "%s",
    async (_, { op, f, slope, points, ulps }) => {
      const shape = [1, points.length];
      const engine = await sharedEngine();
      using model = await engine.load(
        encodeModel({
          opset: 17,
          inputs: [{ name: "x", shape }],
          nodes: [{ op, inputs: ["x"], outputs: ["y"] }],
          constants: {},
          outputs: ["y"],
        }),
      );
      const x = { shape, data: Float32Array.from(points) };
      using y = await model.forward(x);
      using dx = await model.vjp(x, { shape, data: new Float32Array(points.length).fill(1) });
      const value = worst((await y.read()).data, points, f, ulps);
      expect(value.ratio, `value ${value.message}`).toBeLessThanOrEqual(1);
      const derivative = worst((await dx.read()).data, points, slope, (p) => ulps(p) + 4);
      expect(derivative.ratio, `slope ${derivative.message}`).toBeLessThanOrEqual(1);
    },
  );
});
