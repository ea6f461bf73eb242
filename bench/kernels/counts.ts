/** What a shape costs at least: floating-point operations, and bytes that have to move. Pure arithmetic. */
import type { WeightStorage } from "../../src/index.ts";
import type { Shape } from "./shapes.ts";

const BYTES = 4;
/** Of a weight, as it is stored. */
const WEIGHT_BYTES: Readonly<Record<WeightStorage, number>> = { f32: 4, f16: 2 };

export interface Cost {
  /** Multiplications and additions counted apart; 0 where a shape only moves data. */
  readonly flops: number;
  /** Every input, weight and output once. What a cache saves or a kernel reads twice does not change it. */
  readonly bytes: number;
  /** flops / bytes */
  readonly intensity: number;
}

/** Output extent of a window along one axis. */
export function extentOf(input: number, { kernel, stride, pad }: { kernel: number; stride: number; pad: number }): number {
  return Math.floor((input + 2 * pad - kernel) / stride) + 1;
}

const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);

/** Operations for one element of the element-wise functions, as their formulas are written. */
const ELEMENTWISE_FLOPS = { relu: 1, add: 1, gelu: 20 } as const;

/** Operations, and elements that must move, of all samples together; constant weights apart. */
function tally(shape: Shape): { flops: number; elements: number; weights?: number } {
  const { samples } = shape;
  switch (shape.op) {
    case "conv": {
      const [h, w] = shape.size;
      const [outH, outW] = [extentOf(h, shape), extentOf(w, shape)];
      const taps = shape.kernel ** 2 * (shape.channels / shape.groups);
      const weights = taps * shape.outputs;
      const bias = shape.adjoint ? 0 : shape.outputs;
      return {
        flops: 2 * samples * shape.outputs * outH * outW * taps,
        elements: samples * (shape.channels * h * w + shape.outputs * outH * outW) + bias,
        weights,
      };
    }
    case "matmul": {
      const { batch, height, depth, width, sharedB } = shape;
      const [a, b, y] = [batch * height * depth, depth * width, batch * height * width];
      return sharedB
        ? { flops: 2 * samples * y * depth, elements: samples * (a + y), weights: b }
        : { flops: 2 * samples * y * depth, elements: samples * (a + y + batch * b) };
    }
    case "max_pool":
    case "average_pool": {
      const [h, w] = shape.size;
      const [input, output] = [h * w, extentOf(h, shape) * extentOf(w, shape)].map((plane) => plane * shape.channels) as [number, number];
      // The adjoint of a max pool reads where each maximum was.
      const indices = shape.op === "max_pool" && shape.adjoint ? output : 0;
      return { flops: samples * output * shape.kernel ** 2, elements: samples * (input + output + indices) };
    }
    case "reduce_mean":
    case "reduce_sum":
      return { flops: samples * shape.lines * shape.terms, elements: samples * shape.lines * (shape.terms + 1) };
    case "softmax": {
      const elements = samples * shape.lines * shape.extent;
      // Maximum, difference, exponential, sum, quotient.
      return { flops: 5 * elements, elements: 2 * elements };
    }
    case "relu":
    case "gelu":
    case "add": {
      const elements = samples * shape.elements;
      // The adjoint needs to know on which side of zero each element was.
      const values = shape.op === "add" || shape.adjoint ? 3 : 2;
      return { flops: elements * ELEMENTWISE_FLOPS[shape.op], elements: values * elements };
    }
    case "transpose":
      return { flops: 0, elements: 2 * samples * product(shape.shape) };
  }
}

/** Whether a shape has weights that may be stored as f16: constants, and not what the network computes. */
export function hasWeights(shape: Shape): boolean {
  return tally(shape).weights !== undefined;
}

export function costOf(shape: Shape, storage: WeightStorage = "f32"): Cost {
  const { flops, elements, weights = 0 } = tally(shape);
  const bytes = elements * BYTES + weights * WEIGHT_BYTES[storage];
  return { flops, bytes, intensity: flops / bytes };
}
