/**
 * One element of a shape's result in double precision, straight from the op's definition: slow, and independent of every
 * kernel. Benchmarks check a few elements of each result by it before they time anything.
 */
import { extentOf } from "./counts.ts";
import type { ConvShape, PoolShape, Shape } from "./shapes.ts";

/** What went into the kernel, all samples, in row-major order. */
export interface Operands {
  /** The op's input; for an adjoint, the op's input in the forward pass. */
  readonly x: Float32Array;
  /** The second operand: weights, B, or what is added. */
  readonly w?: Float32Array;
  readonly bias?: Float32Array;
  /** The cotangent, for an adjoint. */
  readonly cotangent?: Float32Array;
}

/** Element `index` of the result. */
export function elementOf(shape: Shape, operands: Operands, index: number): number {
  const { x, w, cotangent } = operands;
  switch (shape.op) {
    case "conv":
      return shape.adjoint ? convAdjointElement(shape, cotangent!, w!, index) : convElement(shape, operands, index);
    case "matmul": {
      const { depth, width, sharedB } = shape;
      const [line, column] = [Math.floor(index / width), index % width];
      const matrix = sharedB ? 0 : Math.floor(line / shape.height);
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += x[line * depth + k]! * w![(matrix * depth + k) * width + column]!;
      return sum;
    }
    case "max_pool":
    case "average_pool":
      return shape.adjoint ? poolAdjointElement(shape, x, cotangent!, index) : poolElement(shape, x, index).value;
    case "reduce_mean":
    case "reduce_sum": {
      const line = x.subarray(index * shape.terms, (index + 1) * shape.terms);
      const sum = line.reduce((total, value) => total + value, 0);
      return shape.op === "reduce_mean" ? sum / shape.terms : sum;
    }
    case "softmax": {
      const first = index - (index % shape.extent);
      const line = x.subarray(first, first + shape.extent);
      const largest = line.reduce((most, value) => Math.max(most, value), -Infinity);
      const sum = line.reduce((total, value) => total + Math.exp(value - largest), 0);
      return Math.exp(x[index]! - largest) / sum;
    }
    case "relu":
      return shape.adjoint ? (x[index]! > 0 ? cotangent![index]! : 0) : Math.max(x[index]!, 0);
    case "gelu":
      return x[index]! * normalDistribution(x[index]!);
    case "add":
      return x[index]! + w![index]!;
    case "transpose":
      return x[transposedIndex(shape.shape, shape.permutation, index)]!;
  }
}

/** Coordinates [n, c, row, column] of an index into [.., channels, height, width]. */
function coordinates(index: number, channels: number, height: number, width: number): [number, number, number, number] {
  const column = index % width;
  const row = Math.floor(index / width) % height;
  const channel = Math.floor(index / (width * height)) % channels;
  return [Math.floor(index / (width * height * channels)), channel, row, column];
}

function convElement(shape: ConvShape, { x, w, bias }: Operands, index: number): number {
  const { channels, outputs, groups, kernel, stride, pad } = shape;
  const [height, width] = shape.size;
  const [n, m, row, column] = coordinates(index, outputs, extentOf(height, shape), extentOf(width, shape));
  const perGroup = channels / groups;
  const first = Math.floor(m / (outputs / groups)) * perGroup;
  let sum = bias?.[m] ?? 0;
  for (let c = 0; c < perGroup; c++) {
    for (let i = 0; i < kernel; i++) {
      for (let j = 0; j < kernel; j++) {
        const [y, z] = [row * stride + i - pad, column * stride + j - pad];
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        sum += x[((n * channels + first + c) * height + y) * width + z]! * w![((m * perGroup + c) * kernel + i) * kernel + j]!;
      }
    }
  }
  return sum;
}

function convAdjointElement(shape: ConvShape, cotangent: Float32Array, w: Float32Array, index: number): number {
  const { channels, outputs, groups, kernel, stride, pad } = shape;
  const [height, width] = shape.size;
  const [outH, outW] = [extentOf(height, shape), extentOf(width, shape)];
  const [n, c, y, z] = coordinates(index, channels, height, width);
  const [perGroup, outputsPerGroup] = [channels / groups, outputs / groups];
  const group = Math.floor(c / perGroup);
  let sum = 0;
  for (let o = 0; o < outputsPerGroup; o++) {
    const m = group * outputsPerGroup + o;
    for (let i = 0; i < kernel; i++) {
      for (let j = 0; j < kernel; j++) {
        const [row, column] = [(y + pad - i) / stride, (z + pad - j) / stride];
        if (!Number.isInteger(row) || !Number.isInteger(column) || row < 0 || row >= outH || column < 0 || column >= outW) continue;
        const weight = w[((m * perGroup + (c % perGroup)) * kernel + i) * kernel + j]!;
        sum += cotangent[((n * outputs + m) * outH + row) * outW + column]! * weight;
      }
    }
  }
  return sum;
}

/** Value of a pooled element, and the index of the input element that a max pool took. */
function poolElement(shape: PoolShape, x: Float32Array, index: number): { value: number; taken: number } {
  const { channels, kernel, stride, pad } = shape;
  const [height, width] = shape.size;
  const [n, c, row, column] = coordinates(index, channels, extentOf(height, shape), extentOf(width, shape));
  let [sum, count, taken] = [0, 0, -1];
  for (let i = 0; i < kernel; i++) {
    for (let j = 0; j < kernel; j++) {
      const [y, z] = [row * stride + i - pad, column * stride + j - pad];
      if (y < 0 || y >= height || z < 0 || z >= width) continue;
      const at = ((n * channels + c) * height + y) * width + z;
      sum += x[at]!;
      count++;
      if (taken < 0 || x[at]! > x[taken]!) taken = at;
    }
  }
  return { value: shape.op === "max_pool" ? x[taken]! : sum / count, taken };
}

function poolAdjointElement(shape: PoolShape, x: Float32Array, cotangent: Float32Array, index: number): number {
  const { channels, kernel, stride, pad } = shape;
  const [height, width] = shape.size;
  const [outH, outW] = [extentOf(height, shape), extentOf(width, shape)];
  const [n, c, y, z] = coordinates(index, channels, height, width);
  const inside = (window: number, extent: number) => Math.min(extent, window * stride - pad + kernel) - Math.max(0, window * stride - pad);
  let sum = 0;
  for (let row = 0; row < outH; row++) {
    if (row * stride - pad > y || row * stride - pad + kernel <= y) continue;
    for (let column = 0; column < outW; column++) {
      if (column * stride - pad > z || column * stride - pad + kernel <= z) continue;
      const at = ((n * channels + c) * outH + row) * outW + column;
      if (shape.op === "average_pool") sum += cotangent[at]! / (inside(row, height) * inside(column, width));
      else if (poolElement(shape, x, at).taken === index) sum += cotangent[at]!;
    }
  }
  return sum;
}

function transposedIndex(shape: readonly number[], permutation: readonly number[], index: number): number {
  const size = shape.reduce((a, b) => a * b, 1);
  const sample = Math.floor(index / size);
  let rest = index % size;
  const position = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const from = permutation[axis]!;
    position[from] = rest % shape[from]!;
    rest = Math.floor(rest / shape[from]!);
  }
  return sample * size + position.reduce((at, coordinate, axis) => at * shape[axis]! + coordinate, 0);
}

/** Φ(x) by the series of its density (Abramowitz and Stegun 26.2.10); the benchmarks' inputs are at most 1 in size. */
function normalDistribution(x: number): number {
  let [term, sum] = [x, x];
  for (let k = 1; k < 60; k++) {
    term *= (-x * x) / (2 * k);
    sum += term / (2 * k + 1);
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}
