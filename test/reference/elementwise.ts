/** Element-wise functions in double precision. */
import { number, required } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { EPSILON, flatIndex, forEachIndex, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

interface Unary {
  readonly f: (x: number) => number;
  readonly slope: (x: number) => number;
  /** Absolute rounding error of a float32 evaluation at x, given y. WGSL (§ 15.7.4.2) sets it for exp and log. */
  readonly rounding: (x: number, y: number) => number;
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

const unaries: Readonly<Record<string, Unary>> = {
  Neg: { f: (x) => -x, slope: () => 1, rounding: () => 0 },
  // WGSL: 3 + 2·|x| units in the last place.
  Exp: { f: Math.exp, slope: Math.exp, rounding: (x, y) => (3 + 2 * Math.abs(x)) * EPSILON * y },
  // WGSL: 2⁻²¹ for x in [0.5, 2], else 3 units in the last place.
  Log: { f: Math.log, slope: (x) => 1 / x, rounding: (_x, y) => 2 ** -21 + 3 * EPSILON * Math.abs(y) },
  Sigmoid: { f: logistic, slope: (x) => logistic(x) * logistic(-x), rounding: (x, y) => (8 + 2 * Math.abs(x)) * EPSILON * y },
  // From e^−2|x| at |x| ≥ 0.1, 1 − e loses up to three bits.
  Tanh: { f: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2, rounding: (_x, y) => 32 * EPSILON * Math.abs(y) },
};

export function unary({ f, slope, rounding }: Unary): ReferenceKernel {
  return (context) => {
    const x = required(context, 0);
    const y = tensor(x.shape);
    for (let i = 0; i < y.data.length; i++) {
      const at = x.data[i]!;
      y.data[i] = f(at);
      y.bound[i] = Math.abs(slope(at)) * x.bound[i]! + rounding(at, y.data[i]!);
    }
    return y;
  };
}

function clamp(context: NodeContext, low: number, high: number): Tensor {
  const x = required(context, 0);
  const y = tensor(
    x.shape,
    x.data.map((value) => Math.min(Math.max(value, low), high)),
  );
  y.bound.set(x.bound);
  for (const value of x.data) context.state.margin = Math.min(context.state.margin, Math.abs(value - low), Math.abs(value - high));
  return y;
}

interface Binary {
  readonly f: (a: number, b: number) => number;
  /** |∂f/∂a|, |∂f/∂b| */
  readonly slopes: (a: number, b: number) => readonly [number, number];
  /** Units in the last place of the result. */
  readonly ulps: number;
}

const binaries: Readonly<Record<string, Binary>> = {
  Add: { f: (a, b) => a + b, slopes: () => [1, 1], ulps: 1 },
  Sub: { f: (a, b) => a - b, slopes: () => [1, 1], ulps: 1 },
  Mul: { f: (a, b) => a * b, slopes: (a, b) => [Math.abs(b), Math.abs(a)], ulps: 1 },
  // WGSL: 2.5 units in the last place.
  Div: { f: (a, b) => a / b, slopes: (a, b) => [Math.abs(1 / b), Math.abs(a / (b * b))], ulps: 2.5 },
};

export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const padded = (shape: readonly number[]) => [...Array<number>(rank - shape.length).fill(1), ...shape];
  const [p, q] = [padded(a), padded(b)];
  return p.map((extent, axis) => {
    if (extent !== q[axis] && extent !== 1 && q[axis] !== 1) throw new Error(`[${a}] and [${b}] do not broadcast`);
    return extent === 1 ? q[axis]! : extent;
  });
}

/** The index into a tensor of the given shape that broadcasting reads for an index into the result. */
export function broadcastIndex(index: readonly number[], shape: readonly number[]): number[] {
  return shape.map((extent, axis) => (extent === 1 ? 0 : index[axis + index.length - shape.length]!));
}

function binary({ f, slopes, ulps }: Binary): ReferenceKernel {
  return (context) => {
    const a = required(context, 0);
    let b = required(context, 1);
    // Opset 6: with broadcast = 1, b's axes start at a's `axis`.
    const axis = number(context, "axis", -1);
    if (context.opset < 7 && axis >= 0) b = { ...b, shape: [...b.shape, ...Array<number>(a.shape.length - axis - b.shape.length).fill(1)] };
    const y = tensor(broadcastShape(a.shape, b.shape));
    forEachIndex(y.shape, (index, flat) => {
      const [i, j] = [flatIndex(broadcastIndex(index, a.shape), a.shape), flatIndex(broadcastIndex(index, b.shape), b.shape)];
      const [p, q] = [a.data[i]!, b.data[j]!];
      const [da, db] = slopes(p, q);
      y.data[flat] = f(p, q);
      y.bound[flat] = da * a.bound[i]! + db * b.bound[j]! + ulps * EPSILON * Math.abs(y.data[flat]);
    });
    return y;
  };
}

export const elementwiseKernels: Readonly<Record<string, ReferenceKernel>> = {
  ...Object.fromEntries(Object.entries(unaries).map(([op, rule]) => [op, unary(rule)])),
  ...Object.fromEntries(Object.entries(binaries).map(([op, rule]) => [op, binary(rule)])),
  Relu: (context) => clamp(context, 0, Infinity),
  Clip: (context) => {
    const [low, high] =
      context.opset < 11
        ? [number(context, "min", -Infinity), number(context, "max", Infinity)]
        : [context.inputs[1]?.data[0] ?? -Infinity, context.inputs[2]?.data[0] ?? Infinity];
    return clamp(context, low, high);
  },
  Identity: (context) => required(context, 0),
  Dropout: (context) => required(context, 0),
};
