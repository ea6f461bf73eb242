/** The element-wise functions beyond those of elementwise.ts, in double precision. */
import { number, required, text } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { broadcastIndex, broadcastShape } from "./elementwise.ts";
import { EPSILON, flatIndex, forEachIndex, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

type Coefficients = (name: string, fallback: number) => number;

interface FunctionRule {
  readonly f: (x: number, coefficient: Coefficients) => number;
  /** Distance of x to the nearest point without a derivative. */
  readonly margin?: (x: number, coefficient: Coefficients) => number;
  /** Units in the last place of the largest number on the way, by default 8 of the result. */
  readonly ulps?: number;
  readonly scale?: (x: number) => number;
}

const logistic = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const roundEven = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const toInteger = (x: number) => Math.abs(x - Math.round(x));
const toZero = Math.abs;

/** erf by its series, good for |x| < 5; beyond 6 it is 1 in doubles. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const rules: Readonly<Record<string, FunctionRule>> = {
  Abs: { f: Math.abs, margin: toZero },
  Sign: { f: Math.sign, margin: toZero },
  Floor: { f: Math.floor, margin: toInteger },
  Ceil: { f: Math.ceil, margin: toInteger },
  Round: { f: roundEven, margin: (x) => toInteger(x - 0.5) },
  Sqrt: { f: Math.sqrt },
  Reciprocal: { f: (x) => 1 / x },
  Erf: { f: erf },
  Elu: { f: (x, c) => (x > 0 ? x : c("alpha", 1) * Math.expm1(x)), margin: toZero },
  Selu: { f: (x, c) => c("gamma", 1.0507009873554805) * (x > 0 ? x : c("alpha", 1.6732632423543772) * Math.expm1(x)), margin: toZero },
  Celu: { f: (x, c) => (x > 0 ? x : c("alpha", 1) * Math.expm1(x / c("alpha", 1))), margin: toZero },
  LeakyRelu: { f: (x, c) => (x > 0 ? x : c("alpha", 0.01) * x), margin: toZero },
  ThresholdedRelu: { f: (x, c) => (x > c("alpha", 1) || Number.isNaN(x) ? x : 0), margin: (x, c) => Math.abs(x - c("alpha", 1)) },
  Shrink: {
    f: (x, c) => (x < -c("lambd", 0.5) ? x + c("bias", 0) : x > c("lambd", 0.5) || Number.isNaN(x) ? x - c("bias", 0) : 0),
    margin: (x, c) => Math.abs(Math.abs(x) - c("lambd", 0.5)),
    scale: (x) => Math.abs(x) + 1,
  },
  HardSigmoid: {
    f: (x, c) => Math.min(Math.max(c("alpha", 0.2) * x + c("beta", 0.5), 0), 1),
    margin: (x, c) => Math.min(...[0, 1].map((end) => Math.abs(c("alpha", 0.2) * x + c("beta", 0.5) - end))),
    scale: (x) => Math.abs(x) + 1,
  },
  HardSwish: { f: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1), margin: (x) => Math.abs(Math.abs(x) - 3), scale: (x) => Math.abs(x) },
  Swish: { f: (x, c) => x * logistic(c("alpha", 1) * x) },
  Mish: { f: (x) => x * Math.tanh(softplus(x)) },
  Softplus: { f: softplus },
  Softsign: { f: (x) => x / (1 + Math.abs(x)) },
  Sin: { f: Math.sin },
  Cos: { f: Math.cos, scale: () => 1 },
  Tan: { f: Math.tan },
  Asin: { f: Math.asin },
  Acos: { f: Math.acos },
  Atan: { f: Math.atan },
  Sinh: { f: Math.sinh },
  Cosh: { f: Math.cosh },
  Asinh: { f: Math.asinh },
  Acosh: { f: Math.acosh },
  Atanh: { f: Math.atanh },
};

const DIFFERENCE = 1e-6;

function pointwise({ f, margin, ulps = 8, scale }: FunctionRule): ReferenceKernel {
  return (context) => {
    const x = required(context, 0);
    const y = tensor(x.shape);
    const coefficient: Coefficients = (name, fallback) => Math.fround(number(context, name, fallback));
    x.data.forEach((at, i) => {
      const value = f(at, coefficient);
      y.data[i] = value;
      const slope = context.state.bounds
        ? Math.abs(f(at + DIFFERENCE, coefficient) - f(at - DIFFERENCE, coefficient)) / (2 * DIFFERENCE)
        : 0;
      y.bound[i] = slope * x.bound[i]! + ulps * EPSILON * (scale?.(at) ?? Math.abs(value));
      if (margin) context.state.margin = Math.min(context.state.margin, margin(at, coefficient));
    });
    return y;
  };
}

function gelu(context: NodeContext): Tensor {
  const exact = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
  const byTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  return pointwise({ f: text(context, "approximate", "none") === "tanh" ? byTanh : exact })(context);
}

interface PairRule {
  readonly f: (elements: readonly number[]) => number;
  /** Distance to the nearest kink. */
  readonly margin?: (elements: readonly number[]) => number;
  readonly slope?: number;
  readonly ulps?: number;
}

/** A function of broadcast operands, whose own errors are carried with a slope of 1 unless it says otherwise. */
function broadcastFunction({ f, margin, slope = 1, ulps = 2 }: PairRule): ReferenceKernel {
  return (context) => {
    const operands = context.inputs as readonly Tensor[];
    const y = tensor(operands.map(({ shape }) => shape).reduce((a, b) => broadcastShape(a, b)));
    forEachIndex(y.shape, (index, flat) => {
      const at = operands.map(({ shape }) => flatIndex(broadcastIndex(index, shape), shape));
      const elements = operands.map(({ data }, i) => data[at[i]!]!);
      y.data[flat] = f(elements);
      y.bound[flat] = operands.reduce((sum, { bound }, i) => sum + slope * bound[at[i]!]!, 0) + ulps * EPSILON * Math.abs(y.data[flat]);
      if (margin) context.state.margin = Math.min(context.state.margin, margin(elements));
    });
    return y;
  };
}

const gap = ([a, b]: readonly number[]) => Math.abs(a! - b!);
const relation = (f: (a: number, b: number) => boolean, margin?: PairRule["margin"]): ReferenceKernel =>
  broadcastFunction({ f: ([a, b]) => Number(f(a!, b!)), slope: 0, ...(margin && { margin }) });
/** The gap between the extreme and the next. */
const toNext = (elements: readonly number[]) => {
  const sorted = [...elements].sort((a, b) => a - b);
  return Math.min(...sorted.slice(1).map((x, i) => x - sorted[i]!));
};

export const functionKernels: Readonly<Record<string, ReferenceKernel>> = {
  ...Object.fromEntries(Object.entries(rules).map(([op, rule]) => [op, pointwise(rule)])),
  Gelu: gelu,
  PRelu: broadcastFunction({ f: ([x, s]) => (x! > 0 ? x! : s! * x!), margin: ([x]) => Math.abs(x!), slope: 3, ulps: 4 }),
  // Operands are near 1, exponents at most 3: slopes below 12.
  Pow: broadcastFunction({ f: ([a, b]) => a! ** b!, slope: 12, ulps: 12 }),
  Max: broadcastFunction({ f: (elements) => Math.max(...elements), margin: toNext }),
  Min: broadcastFunction({ f: (elements) => Math.min(...elements), margin: toNext }),
  Sum: broadcastFunction({ f: (elements) => elements.reduce((a, b) => a + b, 0), ulps: 8 }),
  Mean: broadcastFunction({ f: (elements) => elements.reduce((a, b) => a + b, 0) / elements.length, ulps: 8 }),
  Where: broadcastFunction({ f: ([c, a, b]) => (c ? a! : b!) }),
  Equal: relation((a, b) => a === b),
  Greater: relation((a, b) => a > b, gap),
  GreaterOrEqual: relation((a, b) => a >= b, gap),
  Less: relation((a, b) => a < b, gap),
  LessOrEqual: relation((a, b) => a <= b, gap),
  And: relation((a, b) => a !== 0 && b !== 0),
  Or: relation((a, b) => a !== 0 || b !== 0),
  Xor: relation((a, b) => (a !== 0) !== (b !== 0)),
  Not: broadcastFunction({ f: ([a]) => Number(a === 0), slope: 0 }),
  Cast: broadcastFunction({ f: ([a]) => a! }),
};
