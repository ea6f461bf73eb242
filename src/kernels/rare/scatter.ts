/** Gathering and scattering of single elements and of slices, by indices known at load: an AxisMap over all elements. */
import { ShapeError } from "../../runtime/errors.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { AXIS_MAP_ROW, mapAxis, only, pickElements } from "./axis-map.ts";
import type { MapRow } from "./axis-map.ts";
import { stridesOf } from "../broadcast.ts";
import { gather, gatherOf, indicesKnown, indicesOf, positive } from "../gather.ts";
import { integerAttribute, normaliseAxis, numberAttribute, requiredInput, stringAttribute } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";

/** The core's importer, and any indices into what the network computes. */
function importGather(node: OnnxNode, emit: Emitter): readonly Value[] {
  try {
    return gather.import(node, emit);
  } catch (error) {
    if (!(error instanceof Unsupported) || !node.inputs[1]?.data) throw error;
    const { x, axis, list, shape } = gatherOf(node);
    emit.spend(AXIS_MAP_ROW * list.length);
    return [emit.add("Reshape", [mapAxis(x, axis, list.map(only), emit)], { shape })];
  }
}

/** Coordinates of every element of a shape, in order. */
function* coordinatesOf(shape: readonly number[]): Generator<number[]> {
  const strides = stridesOf(shape);
  for (let i = 0; i < sizeOf(shape); i++) yield shape.map((extent, axis) => Math.floor(i / strides[axis]!) % extent);
}

const flatIndex = (at: readonly number[], strides: readonly number[]) => at.reduce((sum, c, axis) => sum + c * strides[axis]!, 0);

/** Flat indices into x that GatherElements and ScatterElements address, one for each index given. */
function elementTargets(x: Value, indices: Value, axis: number): number[] {
  if (indices.shape.length !== x.shape.length || indices.shape.some((extent, a) => a !== axis && extent > x.shape[a]!)) {
    throw new ShapeError(`indices [${indices.shape}] do not fit [${x.shape}] along axis ${axis}`);
  }
  const strides = stridesOf(x.shape);
  const targets: number[] = [];
  let i = 0;
  for (const at of coordinatesOf(indices.shape)) {
    at[axis] = positive(indices.data![i++]!, x.shape[axis]!);
    targets.push(flatIndex(at, strides));
  }
  return targets;
}

function importGatherElements(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const indices = indicesOf(node, 1);
  const axis = normaliseAxis(numberAttribute(node, "axis", 0), x.shape.length);
  return [pickElements(x, elementTargets(x, indices, axis), indices.shape, emit)];
}

/** Flat indices into x that GatherND and ScatterND address, and the shape of the tensor that they make. */
function slicesOf(x: Value, indices: Value, batchAxes: number, emit: Emitter): { targets: number[]; shape: number[] } {
  const depth = indices.shape.at(-1) ?? 0;
  if (depth < 1 || batchAxes >= indices.shape.length || batchAxes + depth > x.shape.length) {
    throw new ShapeError(`indices [${indices.shape}] behind ${batchAxes} batch axes do not fit [${x.shape}]`);
  }
  const batch = indices.shape.slice(0, batchAxes);
  if (batch.some((extent, axis) => extent !== x.shape[axis]))
    throw new ShapeError(`indices [${indices.shape}] have other batch axes than [${x.shape}]`);
  const strides = stridesOf(x.shape);
  const rest = x.shape.slice(batchAxes + depth);
  const restSize = sizeOf(rest);
  const outer = indices.shape.slice(0, -1);
  emit.spend(AXIS_MAP_ROW * sizeOf(outer) * restSize);
  const targets: number[] = [];
  let i = 0;
  for (const at of coordinatesOf(outer)) {
    const index = Array.from({ length: depth }, (_, d) => positive(indices.data![i + d]!, x.shape[batchAxes + d]!));
    i += depth;
    const base = flatIndex([...at.slice(0, batchAxes), ...index], strides);
    for (let r = 0; r < restSize; r++) targets.push(base + r);
  }
  return { targets, shape: [...outer, ...rest] };
}

function importGatherNd(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const { targets, shape } = slicesOf(x, indicesOf(node, 1), integerAttribute(node, "batch_dims", 0, 0), emit);
  return [pickElements(x, targets, shape, emit)];
}

/** Reductions of what is scattered, that fold updates into an element one by one. */
const FOLDS = new Map([
  ["mul", "Mul"],
  ["max", "Max"],
  ["min", "Min"],
]);

/** In turn n every element is met by its n-th update, where it has one. */
function folded(x: Value, updates: Value, sources: readonly (readonly number[])[], op: string, emit: Emitter): Value {
  let result = x;
  for (let turn = 0; sources.some((list) => list.length > turn); turn++) {
    emit.spend(sizeOf(x.shape));
    const met = emit.constant(
      x.shape,
      sources.map((list) => Number(list.length > turn)),
      "bool",
    );
    const picked = mapAxis(
      updates,
      0,
      sources.map((list) => (list.length > turn ? only(list[turn]!) : [])),
      emit,
    );
    result = emit.add("Where", [met, emit.add(op, [result, picked]), result]);
  }
  return result;
}

/** x with updates put (the last one given wins), added, or folded in at flat indices. */
function scattered(x: Value, updates: Value, targets: readonly number[], reduction: string, emit: Emitter): Value {
  if (sizeOf(updates.shape) !== targets.length) throw new ShapeError(`updates [${updates.shape}] for ${targets.length} elements`);
  emit.spend(AXIS_MAP_ROW * (sizeOf(x.shape) + targets.length));
  const fold = FOLDS.get(reduction);
  if (reduction !== "none" && reduction !== "add" && !fold) throw new Unsupported(`reduction ${reduction}`, "reduction");
  const sources: number[][] = Array.from({ length: sizeOf(x.shape) }, () => []);
  targets.forEach((target, source) => {
    if (reduction === "none") sources[target] = [source];
    else sources[target]!.push(source);
  });
  const rows: MapRow[] = sources.map((list) => list.map((index) => ({ index, weight: 1 })));
  const flat = (value: Value) => emit.add("Reshape", [value], { shape: [sizeOf(value.shape)] });
  if (fold) return emit.add("Reshape", [folded(flat(x), flat(updates), sources, fold, emit)], { shape: [...x.shape] });
  const kept =
    reduction === "add"
      ? flat(x)
      : mapAxis(
          flat(x),
          0,
          sources.map((list, i) => (list.length > 0 ? [] : only(i))),
          emit,
        );
  return emit.add("Reshape", [emit.add("Add", [kept, mapAxis(flat(updates), 0, rows, emit)])], { shape: [...x.shape] });
}

function importScatterElements(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(numberAttribute(node, "axis", 0), x.shape.length);
  emit.spend(AXIS_MAP_ROW * sizeOf(indicesOf(node, 1).shape));
  const targets = elementTargets(x, indicesOf(node, 1), axis);
  return [scattered(x, requiredInput(node, 2), targets, stringAttribute(node, "reduction", "none"), emit)];
}

function importScatterNd(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const { targets } = slicesOf(x, indicesOf(node, 1), 0, emit);
  return [scattered(x, requiredInput(node, 2), targets, stringAttribute(node, "reduction", "none"), emit)];
}

const moves = { acceptsIntegers: true, ...indicesKnown };

export const scatterOps: readonly OpDefinition[] = [
  importersOnly("scatters", {
    Gather: { ...gather, import: importGather },
    GatherElements: { since: 11, import: importGatherElements, ...moves },
    GatherND: { since: 11, import: importGatherNd, ...moves },
    Scatter: { since: 9, import: importScatterElements, ...indicesKnown },
    ScatterElements: { since: 11, import: importScatterElements, ...indicesKnown },
    ScatterND: { since: 11, import: importScatterNd, ...indicesKnown },
  }),
];
