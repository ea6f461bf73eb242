/** Reductions, softmax and batch normalisation in double precision. */
import { listed, number, required } from "./context.ts";
import type { NodeContext, ReferenceKernel } from "./context.ts";
import { EPSILON, flatIndex, forEachIndex, reshaped, tensor } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

const positive = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

function sumOver(x: Tensor, axes: readonly number[], factor: (count: number) => number): Tensor {
  const y = tensor(x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)));
  const count = x.data.length / y.data.length;
  const absolute = new Float64Array(y.data.length);
  const carried = new Float64Array(y.data.length);
  forEachIndex(x.shape, (index, flat) => {
    const at = flatIndex(
      index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
      y.shape,
    );
    y.data[at]! += x.data[flat]!;
    absolute[at]! += Math.abs(x.data[flat]!);
    carried[at]! += x.bound[flat]! ** 2;
  });
  const scale = factor(count);
  for (let i = 0; i < y.data.length; i++) {
    y.data[i]! *= scale;
    y.bound[i] = scale * (Math.sqrt(carried[i]!) + Math.sqrt(count) * EPSILON * absolute[i]!) + 2.5 * EPSILON * Math.abs(y.data[i]!);
  }
  return y;
}

function reduce(context: NodeContext, axesInputSince: number, factor: (count: number) => number): Tensor {
  const x = required(context, 0);
  const given = listed(context, "axes", 1, axesInputSince);
  const none = given === undefined || given.length === 0;
  if (none && number(context, "noop_with_empty_axes", 0) !== 0) return x;
  const axes = none ? x.shape.map((_, axis) => axis) : given.map((axis) => positive(axis, x.shape.length));
  const y = sumOver(x, axes, factor);
  return number(context, "keepdims", 1) !== 0
    ? y
    : reshaped(
        y,
        x.shape.filter((_, axis) => !axes.includes(axis)),
      );
}

function softmax(context: NodeContext): Tensor {
  const x = required(context, 0);
  const axis = positive(number(context, "axis", context.opset < 13 ? 1 : -1), x.shape.length);
  // Before opset 13 all axes from `axis` on were normalised together.
  const extents = context.opset < 13 ? [axis, x.shape.length] : [axis, axis + 1];
  const size = (from: number, to: number) => x.shape.slice(from, to).reduce((a, b) => a * b, 1);
  const [outer, extent, inner] = [size(0, extents[0]!), size(extents[0]!, extents[1]!), size(extents[1]!, x.shape.length)];
  const y = tensor(x.shape);
  for (let line = 0; line < outer * inner; line++) {
    const at = Array.from({ length: extent }, (_, k) => (Math.floor(line / inner) * extent + k) * inner + (line % inner));
    const largest = Math.max(...at.map((i) => x.data[i]!));
    const total = at.reduce((sum, i) => sum + Math.exp(x.data[i]! - largest), 0);
    for (const i of at) y.data[i] = Math.exp(x.data[i]! - largest) / total;
    const meanBound = at.reduce((sum, i) => sum + y.data[i]! * x.bound[i]!, 0);
    for (const i of at) {
      const rounding = 8 + 3 * Math.abs(x.data[i]! - largest) + Math.sqrt(extent);
      y.bound[i] = y.data[i]! * (x.bound[i]! + meanBound + rounding * EPSILON);
    }
  }
  return y;
}

function batchNormalization(context: NodeContext): Tensor {
  const [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map((i) => required(context, i)) as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const epsilon = Math.fround(number(context, "epsilon", 1e-5));
  const y = tensor(x.shape);
  forEachIndex(x.shape, (index, flat) => {
    const c = index[1]!;
    const scale = gamma.data[c]! / Math.sqrt(variance.data[c]! + epsilon);
    const shift = beta.data[c]! - mean.data[c]! * scale;
    y.data[flat] = scale * x.data[flat]! + shift;
    const terms = Math.abs(scale * x.data[flat]!) + Math.abs(mean.data[c]! * scale) + Math.abs(beta.data[c]!);
    y.bound[flat] = Math.abs(scale) * x.bound[flat]! + 2 * EPSILON * terms;
  });
  return y;
}

const ONE_OVER = (count: number) => 1 / count;

export const reduceKernels: Readonly<Record<string, ReferenceKernel>> = {
  ReduceSum: (context) => reduce(context, 13, () => 1),
  ReduceMean: (context) => reduce(context, 18, ONE_OVER),
  GlobalAveragePool: (context) => {
    const x = required(context, 0);
    return sumOver(x, x.shape.map((_, axis) => axis).slice(2), ONE_OVER);
  },
  Softmax: softmax,
  BatchNormalization: batchNormalization,
};
