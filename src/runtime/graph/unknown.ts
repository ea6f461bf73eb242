/**
 * Constants in a file that is not given, when a model is described without its weights. What is made of them is not known either,
 * and is not computed. They look like zeros, and nobody reads them, so that they take no memory: the largest file of some hundred
 * bytes may declare terabytes.
 */
import type { ConstantData } from "./graph.ts";

const unknown = new WeakSet<ConstantData>();
const zeros = new Map<number, ArrayBuffer>();

/** So many numbers: a view of one of few buffers, as address space ends, too. */
export function unknownNumbers(count: number): Float32Array {
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, count)));
  const buffer = zeros.get(size) ?? new ArrayBuffer(4 * size);
  zeros.set(size, buffer);
  const data = new Float32Array(buffer, 0, count);
  unknown.add(data);
  return data;
}

export const isUnknown = (data: object | undefined): boolean => data !== undefined && unknown.has(data as ConstantData);
