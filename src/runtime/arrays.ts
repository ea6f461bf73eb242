/** Arrays that callers pass: checked before anything else happens, and copied where their memory may change meanwhile. */
import type { NdArray } from "../data/ndarray.ts";
import { display } from "../options/fields.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { sizeOf } from "./graph/graph.ts";

const isShape = (shape: unknown): shape is readonly number[] =>
  Array.isArray(shape) && shape.every((extent) => Number.isInteger(extent) && (extent as number) >= 0);

/**
 * The array, with its shape copied and its data as they are. Throws ArgumentError when it is no { shape, data }, ShapeError when its
 * data do not fit its shape.
 */
export function checkArray(what: string, array: NdArray): NdArray {
  const { shape, data } = (array ?? {}) as Partial<NdArray>;
  if (!isShape(shape) || !ArrayBuffer.isView(data))
    throw new ArgumentError(`${what} is ${display(array)}, expected { shape, data } with data in a Float32Array`);
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  // Bytes or doubles would be taken for f32 numbers without an error. By name, as arrays of other realms are no instances.
  if (kind !== "Float32Array" || data.length !== sizeOf(shape)) {
    const expected = `data as Float32Array of ${sizeOf(shape)}`;
    throw new ShapeError(`${what} of shape [${shape.join(", ")}] takes ${expected}, given ${kind} of ${data.length}`);
  }
  return { shape: [...shape], data };
}

/** As checkArray, with the data copied, so that what happens to the caller's memory later does not matter. */
export function takeArray(what: string, array: NdArray): NdArray {
  const { shape, data } = checkArray(what, array);
  return { shape, data: data.slice() };
}

/** Whether WebGPU must not read an array's memory itself: Dawn crashes on shared memory. */
export function isUnsafe({ buffer }: Float32Array): boolean {
  // By name, as pages without isolation have no SharedArrayBuffer.
  return Object.prototype.toString.call(buffer) !== "[object ArrayBuffer]" || (buffer as { resizable?: boolean }).resizable === true;
}
