/** Tensors of the reference: double precision, with an account of the rounding a float32 evaluation may commit. */
import { sizeOf } from "./model.ts";

/** Spacing of float32 numbers near 1. */
export const EPSILON = 2 ** -23;

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /** How far an honest float32 evaluation may lie from `data`, element by element; see evaluate.ts. */
  readonly bound: Float64Array;
}

export function tensor(shape: readonly number[], data?: ArrayLike<number>): Tensor {
  const size = sizeOf(shape);
  if (data && data.length !== size) throw new Error(`${data.length} numbers for shape [${shape}]`);
  return { shape: [...shape], data: data ? Float64Array.from(data) : new Float64Array(size), bound: new Float64Array(size) };
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Calls visit with every index of a tensor of this shape, in row-major order. The array is reused. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[], flat: number) => void): void {
  const index = shape.map(() => 0);
  const total = sizeOf(shape);
  for (let flat = 0; flat < total; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

export function flatIndex(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((at, i, axis) => at * shape[axis]! + i, 0);
}

/** The tensor whose element at `index` is that of `x` at `from(index)`, or `fill` where that is undefined. */
export function gather(
  x: Tensor,
  shape: readonly number[],
  from: (index: readonly number[]) => readonly number[] | undefined,
  fill = 0,
): Tensor {
  const y = tensor(shape);
  forEachIndex(shape, (index, flat) => {
    const source = from(index);
    if (!source) {
      y.data[flat] = fill;
      return;
    }
    const at = flatIndex(source, x.shape);
    y.data[flat] = x.data[at]!;
    y.bound[flat] = x.bound[at]!;
  });
  return y;
}

/** The same numbers under another shape. */
export function reshaped(x: Tensor, shape: readonly number[]): Tensor {
  if (sizeOf(shape) !== x.data.length) throw new Error(`cannot reshape [${x.shape}] to [${shape}]`);
  return { ...x, shape: [...shape] };
}
