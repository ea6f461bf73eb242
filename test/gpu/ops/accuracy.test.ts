/** Element-wise functions over their whole range, tails included: values and slopes relative to double precision. */
import { expect, test } from "vitest";
import { erf, erfc, normalIntegral } from "../../../src/kernels/rare/error-function.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { sharedEngine } from "../engine.ts";

interface Sweep {
  readonly op: string;
  readonly attributes?: Readonly<Record<string, number | string>>;
  readonly f: (x: number) => number;
  readonly slope: (x: number) => number;
  readonly from: number;
  readonly to: number;
  /** Added to |f| and |slope|: where a result passes through 0 for cancellation, errors are measured against this. */
  readonly floor?: number;
}

const POINTS = 4001;
/** Relative error: about ten roundings. */
const BOUND = 1.5e-6;
/** Below the least normal number arithmetic may flush to zero. */
const LEAST = 2 ** -125;

const logistic = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const mish = (x: number) => x * Math.tanh(softplus(x));

const sweeps: readonly Sweep[] = [
  { op: "Exp", f: Math.exp, slope: Math.exp, from: -86, to: 88 },
  { op: "Log", f: Math.log, slope: (x) => 1 / x, from: 1e-6, to: 3 },
  { op: "Sigmoid", f: logistic, slope: (x) => logistic(x) * logistic(-x), from: -86, to: 86 },
  { op: "Tanh", f: Math.tanh, slope: (x) => 1 / Math.cosh(x) ** 2, from: -40, to: 40 },
  { op: "Softplus", f: softplus, slope: logistic, from: -86, to: 90 },
  { op: "Erf", f: erf, slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), from: -9, to: 9 },
  { op: "Gelu", f: (x) => x * normalIntegral(x), slope: (x) => normalIntegral(x) + x * density(x), from: -12, to: 12, floor: 0.05 },
  { op: "Gelu", f: (x) => x * normalIntegral(x), slope: (x) => normalIntegral(x) + x * density(x), from: -12, to: -2.5 },
  { op: "Elu", f: (x) => (x > 0 ? x : Math.expm1(x)), slope: (x) => (x > 0 ? 1 : Math.exp(x)), from: -80, to: 2 },
  { op: "Swish", f: (x) => x * logistic(x), slope: (x) => logistic(x) * (1 + x * logistic(-x)), from: -80, to: -3 },
  { op: "Mish", f: mish, slope: (x) => Math.tanh(softplus(x)) + (x * logistic(x)) / Math.cosh(softplus(x)) ** 2, from: -40, to: -3 },
  { op: "Sin", f: Math.sin, slope: Math.cos, from: -100, to: 100, floor: 0.01 },
  { op: "Cos", f: Math.cos, slope: (x) => -Math.sin(x), from: -100, to: 100, floor: 0.01 },
  { op: "Sin", f: Math.sin, slope: Math.cos, from: -2e6, to: 2e6, floor: 0.01 },
  { op: "Cos", f: Math.cos, slope: (x) => -Math.sin(x), from: -3.4e38, to: 3.4e38, floor: 0.01 },
  { op: "Tan", f: Math.tan, slope: (x) => 1 + Math.tan(x) ** 2, from: -1.5, to: 1.5 },
  { op: "Asin", f: Math.asin, slope: (x) => 1 / Math.sqrt((1 - x) * (1 + x)), from: -0.9999, to: 0.9999 },
  { op: "Acos", f: Math.acos, slope: (x) => -1 / Math.sqrt((1 - x) * (1 + x)), from: -0.9999, to: 0.9999 },
  { op: "Atan", f: Math.atan, slope: (x) => 1 / (1 + x * x), from: -50, to: 50 },
  { op: "Sinh", f: Math.sinh, slope: Math.cosh, from: -85, to: 85 },
  { op: "Cosh", f: Math.cosh, slope: Math.sinh, from: -85, to: 85 },
  { op: "Asinh", f: Math.asinh, slope: (x) => 1 / Math.sqrt(1 + x * x), from: -3e4, to: 3e4 },
  { op: "Asinh", f: Math.asinh, slope: (x) => 1 / Math.sqrt(1 + x * x), from: -2, to: 2 },
  { op: "Acosh", f: Math.acosh, slope: (x) => 1 / Math.sqrt((x - 1) * (x + 1)), from: 1.0001, to: 20 },
  { op: "Atanh", f: Math.atanh, slope: (x) => 1 / ((1 - x) * (1 + x)), from: -0.9999, to: 0.9999 },
];

test("the reference's tail", () => {
  expect(erfc(5) / 1.5374597944280348e-12).toBeCloseTo(1, 10);
  expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
});

function worst(
  found: ArrayLike<number>,
  expected: readonly number[],
  points: ArrayLike<number>,
  floor: number,
): { error: number; at: number } {
  let result = { error: 0, at: NaN };
  expected.forEach((value, i) => {
    const error = Math.max(0, Math.abs(found[i]! - value) - LEAST) / (Math.abs(value) + floor + Number.MIN_VALUE);
    if (!(error <= result.error)) result = { error, at: points[i]! };
  });
  return result;
}

test.each(sweeps.map((sweep) => [`${sweep.op} from ${sweep.from} to ${sweep.to}`, sweep] as const))("%s", async (_, sweep) => {
  const { op, f, slope, from, to, floor = 0, attributes = {} } = sweep;
  const shape = [1, POINTS];
  const x = { shape, data: Float32Array.from({ length: POINTS }, (_, i) => from + ((to - from) * (i + 0.37)) / POINTS) };
  const model = {
    opset: 24,
    inputs: [{ name: "x", shape }],
    constants: {},
    nodes: [{ op, inputs: ["x"], outputs: ["y"], attributes }],
    outputs: ["y"],
  };
  using loaded = await (await sharedEngine()).load(encodeModel(model));
  using y = await loaded.forward(x);
  using dy = await loaded.vjp(x, { shape, data: new Float32Array(POINTS).fill(1) });
  const value = worst((await y.read()).data, Array.from(x.data, f), x.data, floor);
  const derivative = worst((await dy.read()).data, Array.from(x.data, slope), x.data, floor);
  expect(value.error, `value at ${value.at}`).toBeLessThan(BOUND);
  expect(derivative.error, `slope at ${derivative.at}`).toBeLessThan(BOUND);
});
