/**
 * Integers while a graph is built. They are held as doubles, which hold every integer to 2⁵³ and some beyond. An element that no
 * double holds is NaN there, and its exact value is kept beside it, so that whoever does not know of it cannot round it in silence.
 * INT64_MAX, which exporters write for "to the end", is 2⁶³: no int64 is that.
 *
 * Where folding may leave what doubles hold, or the range of its element type, rare/wide-integers.ts folds with BigInt and wraps.
 */
import { INTEGER_RANGES } from "../../kernels/element-types.ts";
import { Unsupported } from "../../kernels/op.ts";
import type { TensorType } from "../../kernels/op.ts";
import type { Attributes, ConstantData, Value } from "./graph.ts";

/** Doubles below it are exact, also as results of sums, differences and products. */
export const EXACT_BELOW = 2 ** 53;
const SIGNED64: readonly [number, number] = [1 - EXACT_BELOW, EXACT_BELOW - 1];
/** By element type; of others as for int64. */
const ranges: Readonly<Record<number, readonly [number, number]>> = { ...INTEGER_RANGES, 12: [0, 2 ** 32 - 1], 13: [0, EXACT_BELOW - 1] };
export const UINT64 = 13;
const INT64_MAX = 2n ** 63n - 1n;

const records = new WeakMap<ConstantData, readonly bigint[]>();

/** The exact elements of integers of which some are NaN; undefined for others. */
export const exactOf = (data: ConstantData): readonly bigint[] | undefined => records.get(data);

/** Gives a copy of integers the record of what it copies. */
export function copyRecord(from: ConstantData | readonly number[], to: ConstantData): void {
  const exact = records.get(from as ConstantData);
  if (exact) records.set(to, exact);
}

/** Integers as doubles, with a record where some cannot be. */
export function fromExact(exact: readonly bigint[], onnxType: number | undefined): Float64Array {
  const data = Float64Array.from(exact, (value) => {
    const near = Number(value);
    if (value === INT64_MAX && onnxType !== UINT64) return near;
    return BigInt(near) === value ? near : NaN;
  });
  if (data.includes(NaN)) records.set(data, exact);
  return data;
}

/** An integer as it is meant; `data` has no record. */
export function toExact(value: number, onnxType: number | undefined): bigint {
  if (Number.isNaN(value)) throw new Unsupported("computes with an integer beyond 2⁵³ that was rounded on its way");
  return value === 2 ** 63 && onnxType !== UINT64 ? INT64_MAX : BigInt(value);
}

/** The element type that integers of a node in the file are meant in, by what is known of its inputs. */
export const integerType = (inputs: readonly (Value | undefined)[]): number | undefined =>
  inputs.find((input) => input?.type === "int" && input.onnxType !== undefined)?.onnxType;

/** Whether numbers leave the range of an element type, int64 unless given, as far as doubles are exact. */
export function leavesType(data: ConstantData, onnxType: number | undefined): boolean {
  const [low, high] = ranges[onnxType ?? 0] ?? SIGNED64;
  return data.some((value) => !(value >= low && value <= high));
}

/** What hands elements on or picks one by order: right for whatever doubles hold. */
const EXACT = new Set(["Reshape", "Transpose", "Expand", "Slice", "Concat", "Unslice", "Max", "Min", "ReduceMax", "ReduceMin"]);

/** Folds integers exactly; undefined for an op that it does not know. */
export type WideFold = (
  op: string,
  inputs: readonly Value[],
  attributes: Attributes,
  output: TensorType,
  onnxType: number | undefined,
) => ConstantData | undefined;

let wideFold: WideFold | undefined;
/** `exact`: ops of the rest that hand elements on, too. */
export function provideWideFold(fold: WideFold, exact: readonly string[]): void {
  wideFold = fold;
  for (const op of exact) EXACT.add(op);
}

/**
 * What an op made of constants, exact where integers are among them. `onnxType`: that the result wraps around in, int64 unless given.
 * Throws Unsupported where an exact result is not known, which has the rest of the ops loaded first.
 */
export function exactly(
  op: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  output: TensorType,
  data: ConstantData,
  onnxType: number | undefined,
): ConstantData {
  if (!inputs.some((input) => input?.type === "int")) return data;
  const leaves = output.type === "int" && !EXACT.has(op) && leavesType(data, onnxType);
  if (!leaves && !inputs.some((input) => input?.data && records.has(input.data))) return data;
  const folded = wideFold?.(op, inputs as readonly Value[], attributes, output, onnxType);
  if (!folded) throw new Unsupported("folds integers that leave their type or 2⁵³");
  return folded;
}

/** Why f32, which holds integers on the GPU, cannot hold a constant; undefined where it can. */
export function whyNotHeld({ name, data, type }: Value): string | undefined {
  if (type !== "int" || !data) return undefined;
  const at = data.findIndex((element) => Math.fround(element) !== element);
  if (at < 0) return undefined;
  return `computes with ${String(records.get(data)?.[at] ?? data[at])}, element ${at} of "${name}", an integer that f32 cannot hold`;
}
