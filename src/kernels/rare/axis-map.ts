/**
 * AxisMap: a sparse matrix, known at load, along one axis of a tensor. What ONNX calls Gather with known indices, Pad by
 * reflection, Resize, CumSum and more are such matrices; their derivatives are the matrix itself and its transpose.
 */
import mapSource from "../../../shaders/movement/axis_map.wgsl?raw";
import { ShapeError } from "../../runtime/errors.ts";
import { defineKernel } from "../../runtime/gpu/kernel.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { ConstantData, Value } from "../../runtime/graph/graph.ts";
import { defineOp } from "../op.ts";
import type { Emitter, Lowering, OpDefinition } from "../op.ts";
import { gridSource, LANES } from "../wgsl.ts";

const kernel = defineKernel("axis_map", mapSource, gridSource);

/** One row of the matrix: which elements along the axis it reads, and how much of each. */
export type MapRow = readonly { readonly index: number; readonly weight: number }[];

/** What a row of one entry takes of an import's budget: it is a list of objects while it is made. */
export const AXIS_MAP_ROW = 8;

/** A row that copies one element; −1 makes it a row of nothing, whose value is 0. */
export const only = (index: number): MapRow => (index < 0 ? [] : [{ index, weight: 1 }]);

/** x with the matrix applied along an axis. The identity is left out. */
export function mapAxis(x: Value, axis: number, rows: readonly MapRow[], emit: Emitter): Value {
  if (rows.length === x.shape[axis] && rows.every((row, i) => row.length === 1 && row[0]!.index === i && row[0]!.weight === 1)) return x;
  const entries = rows.flat();
  const starts = [0];
  for (const row of rows) starts.push(starts.at(-1)! + row.length);
  const routes = [...starts, ...entries.map(({ index }) => index)];
  const plain = entries.every(({ weight }) => weight === 1);
  const weights = plain
    ? undefined
    : emit.constant(
        [entries.length],
        entries.map(({ weight }) => weight),
      );
  return emit.add("AxisMap", [x, emit.constant([routes.length], routes, "int"), weights], { axis, extent: rows.length });
}

/** The elements of x, in any order and number, by their flat indices; −1 makes a 0. */
export function pickElements(x: Value, indices: readonly number[], shape: readonly number[], emit: Emitter): Value {
  emit.spend(AXIS_MAP_ROW * indices.length);
  const flat = emit.add("Reshape", [x], { shape: [sizeOf(x.shape)] });
  return emit.add("Reshape", [mapAxis(flat, 0, indices.map(only), emit)], { shape: [...shape] });
}

function rowsOf(routes: Value, weights: Value | undefined, extent: number): MapRow[] {
  const data = routes.data!;
  return Array.from({ length: extent }, (_, row) =>
    Array.from({ length: data[row + 1]! - data[row]! }, (_, i) => {
      const t = data[row]! + i;
      return { index: data[extent + 1 + t]!, weight: weights ? weights.data![t]! : 1 };
    }),
  );
}

/**
 * The transpose's routes and weights: entries sorted by what they read, in order of their rows. In arrays of numbers, as an axis of
 * millions may be one that few rows read.
 */
function transposed(routes: ConstantData, weights: ConstantData | undefined, extent: number, columns: number) {
  const count = routes.length - extent - 1;
  const indices = routes.subarray(extent + 1);
  // Counts, then where each column's entries end; filled from the last entry to the first, where they begin.
  const made = new Float64Array(columns + 1 + count);
  for (const index of indices) made[index]!++;
  for (let column = 1; column <= columns; column++) made[column]! += made[column - 1]!;
  const moved = weights && new Float64Array(count);
  for (let row = extent - 1; row >= 0; row--) {
    for (let t = routes[row + 1]! - 1; t >= routes[row]!; t--) {
      const place = --made[indices[t]!]!;
      made[columns + 1 + place] = row;
      if (moved) moved[place] = weights[t]!;
    }
  }
  return { routes: made, weights: moved };
}

interface Geometry {
  readonly axis: number;
  readonly extent: number;
}

function lowerMap(lowering: Lowering): void {
  const [input, routes, weights] = lowering.node.inputs as [Value, Value, Value | undefined];
  const output = lowering.node.outputs[0]!;
  const { axis, extent } = lowering.node.attributes as unknown as Geometry;
  lowering.launch({
    kernel,
    constants: { LANES, WEIGHTED: weights !== undefined },
    bindings: {
      input,
      // The bits of integers, carried in an array of floats.
      routes: lowering.pack(routes, "u32", routes.data!.length, (data: ConstantData) => new Float32Array(Uint32Array.from(data).buffer)),
      weights: weights ?? "nothing",
      output,
    },
    params: {
      elements: lowering.copies(output) * sizeOf(output.shape),
      out_extent: extent,
      in_extent: input.shape[axis]!,
      inner: sizeOf(input.shape.slice(axis + 1)),
    },
    grid: { lead: output.lead, items: sizeOf(output.shape), perGroup: LANES, depth: 1 },
  });
}

/** Inputs: x, routes (starts of the rows, then indices of the entries), weights?. */
const axisMap = defineOp({
  name: "AxisMap",
  infer: ([x, routes], attributes) => {
    const { axis, extent } = attributes as unknown as Geometry;
    if (axis < 0 || axis >= x!.shape.length) throw new ShapeError(`axis ${axis} is outside a tensor of rank ${x!.shape.length}`);
    const wrong = routes!.data!.subarray(extent + 1).find((index) => !(index >= 0 && index < x!.shape[axis]!));
    if (wrong !== undefined) throw new ShapeError(`index ${wrong} is outside axis ${axis} of [${x!.shape}]`);
    return [{ shape: x!.shape.map((own, a) => (a === axis ? extent : own)), type: x!.type }];
  },
  fold: ([x, routes, weights], attributes, [output]) => {
    const { axis, extent } = attributes as unknown as Geometry;
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const rows = rowsOf(routes!, weights, extent);
    const out = new (x!.type === "float" ? Float32Array : Float64Array)(sizeOf(output!.shape));
    for (let i = 0; i < out.length; i++) {
      const line = Math.floor(i / inner);
      const base = Math.floor(line / extent) * x!.shape[axis]! * inner + (i % inner);
      out[i] = rows[line % extent]!.reduce((sum, { index, weight }) => sum + weight * x!.data![base + index * inner]!, 0);
    }
    return [out];
  },
  lower: lowerMap,
  vjp: ({ node, emit }, dy) => {
    const [x, routes, weights] = node.inputs as [Value, Value, Value | undefined];
    const { axis, extent } = node.attributes as unknown as Geometry;
    const columns = x.shape[axis]!;
    const back = transposed(routes.data!, weights?.data, extent, columns);
    return [
      emit.add(
        "AxisMap",
        [dy, emit.constant([back.routes.length], back.routes, "int"), back.weights && emit.constant([back.weights.length], back.weights)],
        { axis, extent: columns },
      ),
    ];
  },
  jvp: ({ node, emit }, [dx]) => emit.add("AxisMap", [dx, node.inputs[1], node.inputs[2]], node.attributes),
});

export const axisMapOps: readonly OpDefinition[] = [axisMap];
