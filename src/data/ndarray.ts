// Dense float32 arrays on the host: what goes into and comes out of the engine.

import { DataError } from "./errors.ts";

/** A dense array in row-major order: the last axis is contiguous. `data.length` is the product of `shape`. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The number of elements of a shape; 1 for the shape [] of a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape for people: "[500, 1, 28, 28]". */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Pairs a shape with its data, or with zeros. The data is not copied.
 * @throws DataError when the length does not match the shape.
 */
export function ndarray(shape: readonly number[], data?: Float32Array | readonly number[]): NdArray {
  const count = elementCount(shape);
  const values = data === undefined ? new Float32Array(count) : data instanceof Float32Array ? data : Float32Array.from(data);
  if (values.length !== count) {
    throw new DataError(`shape ${formatShape(shape)} needs ${count} elements, ${values.length} are given`);
  }
  return { shape: [...shape], data: values };
}

/**
 * Joins N arrays of one shape [...] into [N, ...].
 * @throws DataError when there are none or their shapes differ.
 */
export function stack(arrays: readonly NdArray[]): NdArray {
  const first = arrays[0];
  if (first === undefined) throw new DataError("cannot stack zero arrays");
  const stride = first.data.length;
  const data = new Float32Array(arrays.length * stride);
  arrays.forEach((array, index) => {
    if (!sameShape(array.shape, first.shape)) {
      throw new DataError(`cannot stack ${formatShape(array.shape)} on ${formatShape(first.shape)}`);
    }
    data.set(array.data, index * stride);
  });
  return { shape: [arrays.length, ...first.shape], data };
}

/**
 * Samples start … end-1 of [N, ...], as a view on the same memory.
 * @throws DataError when the range is not inside the batch.
 */
export function sliceBatch(array: NdArray, start: number, end: number): NdArray {
  const [count, ...sample] = array.shape;
  if (count === undefined || start < 0 || end < start || end > count) {
    throw new DataError(`samples ${start} to ${end} are not inside an array of shape ${formatShape(array.shape)}`);
  }
  const stride = elementCount(sample);
  return { shape: [end - start, ...sample], data: array.data.subarray(start * stride, end * stride) };
}

/** One sample of [N, ...], without its batch axis, as a view on the same memory. */
export function sampleAt(array: NdArray, index: number): NdArray {
  const { shape, data } = sliceBatch(array, index, index + 1);
  return { shape: shape.slice(1), data };
}
