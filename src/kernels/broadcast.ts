/** NumPy-style broadcasting: shapes, strides, and its adjoint, a sum over what was repeated. */
import { ShapeError } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { ConstantData, Value } from "../runtime/graph/graph.ts";
import type { Emitter, TensorType } from "./op.ts";

/** Most axes that a strided kernel can address (shaders/lib/indexing.wgsl). */
export const MAX_AXES = 8;

/** The shape to which both broadcast. Throws ShapeError when they do not. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new ShapeError(`shapes [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Strides that read `shape` as if it were broadcast to `target`: 0 where an axis is repeated or missing. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(shape);
  return target.map((_, axis) => {
    const at = axis - target.length + shape.length;
    return at < 0 || shape[at] === 1 ? 0 : own[at]!;
  });
}

/** Eight numbers for an `Axes` pair of vec4: `list` at the end, `fill` before it. Throws ShapeError above eight axes. */
export function axes(list: readonly number[], fill: number): number[] {
  if (list.length > MAX_AXES) throw new ShapeError(`${list.length} axes; ${MAX_AXES} are covered`);
  return [...Array<number>(MAX_AXES - list.length).fill(fill), ...list];
}

/** The constant AXES of shaders/lib/indexing.wgsl for lists of so many axes. */
export function axesInUse(...lists: readonly (readonly number[])[]): number {
  const most = Math.max(...lists.map(({ length }) => length));
  return [1, 2, 4].find((count) => most <= count) ?? MAX_AXES;
}

/**
 * Merges neighbouring axes that every one of the given strides walks as one, and drops axes of extent 1: the fewer axes,
 * the fewer divisions in the kernel.
 */
export function mergeAxes(
  extents: readonly number[],
  ...strides: readonly (readonly number[])[]
): { extents: number[]; strides: number[][] } {
  const merged: number[] = [];
  const out = strides.map((): number[] => []);
  extents.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = merged.length - 1;
    if (last >= 0 && strides.every((list, i) => out[i]![last] === list[axis]! * extent)) {
      merged[last]! *= extent;
      out.forEach((list, i) => (list[last] = strides[i]![axis]!));
    } else {
      merged.push(extent);
      out.forEach((list, i) => list.push(strides[i]![axis]!));
    }
  });
  return { extents: merged, strides: out };
}

/** The value under another shape; itself where that is its own shape already, so that nothing hides it from fusion. */
export function reshapeTo(value: Value, shape: readonly number[], emit: Emitter): Value {
  return value.shape.join() === shape.join() ? value : emit.add("Reshape", [value], { shape: [...shape] });
}

/** An element-wise function of constants that broadcast to the output's shape. */
export function foldBroadcast(
  inputs: readonly Value[],
  output: TensorType,
  evaluate: (elements: readonly number[]) => number,
): ConstantData {
  const strides = inputs.map((input) => broadcastStrides(input.shape, output.shape));
  const out = new (output.type === "float" ? Float32Array : Float64Array)(sizeOf(output.shape));
  const at = inputs.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    let rest = i;
    at.fill(0);
    for (let axis = output.shape.length - 1; axis >= 0; axis--) {
      const coordinate = rest % output.shape[axis]!;
      rest = Math.floor(rest / output.shape[axis]!);
      strides.forEach((list, k) => (at[k]! += coordinate * list[axis]!));
    }
    out[i] = evaluate(inputs.map((input, k) => input.data![at[k]!]!));
  }
  return out;
}

/** The adjoint of broadcasting `shape` to the value's: sums over repeated axes, then drops added ones. */
export function sumTo(value: Value, shape: readonly number[], emit: Emitter): Value {
  const added = value.shape.length - shape.length;
  const repeated = value.shape.flatMap((extent, axis) => (axis < added || (shape[axis - added] === 1 && extent !== 1) ? [axis] : []));
  const summed = repeated.length > 0 ? emit.add("ReduceSum", [value], { axes: repeated }) : value;
  return reshapeTo(summed, shape, emit);
}
