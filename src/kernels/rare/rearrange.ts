/** ONNX ops that are compositions of Reshape, Transpose, Slice, Expand and AxisMap, imported as these. */
import { ShapeError } from "../../runtime/errors.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { AXIS_MAP_ROW, mapAxis } from "./axis-map.ts";
import {
  constantInput,
  integerAttribute,
  normaliseAxes,
  normaliseAxis,
  numberAttribute,
  numbersAttribute,
  requiredInput,
  stringAttribute,
} from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";

/** Repeating along an axis is a new axis of that extent, merged with it. */
function importTile(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const repeats = constantInput(node, 1, "the repeats") ?? [];
  const wrong = repeats.find((times) => !Number.isInteger(times) || times < 0);
  if (wrong !== undefined) throw new ShapeError(`repeats [${repeats}] holds ${wrong}`);
  if (repeats.length !== x.shape.length) throw new ShapeError(`${repeats.length} repeats for ${x.shape.length} axes`);
  const tiled = repeats.reduce((value, times, axis) => {
    if (times === 1) return value;
    const [before, after] = [value.shape.slice(0, axis), value.shape.slice(axis)];
    const apart = emit.add("Reshape", [value], { shape: [sizeOf(before), 1, sizeOf(after)] });
    const repeated = emit.add("Expand", [apart], { shape: [sizeOf(before), times, sizeOf(after)] });
    return emit.add("Reshape", [repeated], { shape: [...before, after[0]! * times, ...after.slice(1)] });
  }, x);
  return [tiled];
}

function imageOf(node: OnnxNode): readonly [Value, number, number, number, number] {
  const x = requiredInput(node, 0);
  if (x.shape.length !== 4) throw new ShapeError(`it takes [N, C, H, W], found [${x.shape}]`);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return [x, n, c, h, w];
}

function rearranged(x: Value, apart: readonly number[], permutation: readonly number[], shape: readonly number[], emit: Emitter): Value {
  const split = emit.add("Reshape", [x], { shape: [...apart] });
  return emit.add("Reshape", [emit.add("Transpose", [split], { permutation: [...permutation] })], { shape: [...shape] });
}

function importDepthToSpace(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [x, n, c, h, w] = imageOf(node);
  const b = integerAttribute(node, "blocksize", 0);
  if (c % (b * b) !== 0) throw new ShapeError(`attribute blocksize ${b}: ${c} channels are no multiple of ${b} × ${b}`);
  const mode = stringAttribute(node, "mode", "DCR");
  const shape = [n, c / (b * b), h * b, w * b];
  if (mode === "DCR") return [rearranged(x, [n, b, b, c / (b * b), h, w], [0, 3, 4, 1, 5, 2], shape, emit)];
  if (mode === "CRD") return [rearranged(x, [n, c / (b * b), b, b, h, w], [0, 1, 4, 2, 5, 3], shape, emit)];
  throw new Unsupported(`mode ${mode}`, "mode");
}

function importSpaceToDepth(node: OnnxNode, emit: Emitter): readonly Value[] {
  const [x, n, c, h, w] = imageOf(node);
  const b = integerAttribute(node, "blocksize", 0);
  if (h % b !== 0 || w % b !== 0) throw new ShapeError(`attribute blocksize ${b} does not divide an image of ${h}×${w}`);
  return [rearranged(x, [n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4], [n, c * b * b, h / b, w / b], emit)];
}

/** A running sum is a triangular matrix along its axis. */
function importCumSum(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(constantInput(node, 1, "the axis")?.[0] ?? 0, x.shape.length);
  const [exclusive, reverse] = [numberAttribute(node, "exclusive", 0), numberAttribute(node, "reverse", 0)];
  if (x.shape.length === 0) return [x];
  const extent = x.shape[axis]!;
  emit.spend((AXIS_MAP_ROW * extent * (extent + 1)) / 2);
  const all = Array.from({ length: extent }, (_, index) => index);
  const belongs = (row: number, index: number) => (index === row ? exclusive === 0 : reverse !== 0 ? index > row : index < row);
  return [
    mapAxis(
      x,
      axis,
      all.map((row) => all.filter((index) => belongs(row, index)).map((index) => ({ index, weight: 1 }))),
      emit,
    ),
  ];
}

/** The upper or lower triangle of the last two axes, the rest 0. */
function importTrilu(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const k = constantInput(node, 1, "the diagonal")?.[0] ?? 0;
  const upper = numberAttribute(node, "upper", 1) !== 0;
  if (x.shape.length < 2) throw new ShapeError(`it takes matrices, found [${x.shape}]`);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  emit.spend(rows * columns);
  const kept = Array.from({ length: rows * columns }, (_, i) => {
    const distance = (i % columns) - Math.floor(i / columns);
    return Number(upper ? distance >= k : distance <= k);
  });
  const zero = emit.constant([], [0], x.type);
  return [emit.add("Where", [emit.constant([rows, columns], kept, "bool"), x, zero])];
}

/** Crops or pads symmetrically about the centre. */
function importCenterCropPad(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const wanted = constantInput(node, 1, "the shape") ?? [];
  const listed = normaliseAxes(numbersAttribute(node, "axes") ?? x.shape.map((_, axis) => axis), x.shape.length);
  if (wanted.length !== listed.length) throw new ShapeError(`the shape [${wanted}] has ${wanted.length} entries for ${listed.length} axes`);
  const extents = [...x.shape];
  const starts = x.shape.map(() => 0);
  listed.forEach((axis, i) => {
    const difference = wanted[i]! - x.shape[axis]!;
    extents[axis] = wanted[i]!;
    starts[axis] = difference < 0 ? Math.floor(-difference / 2) : 0 - Math.floor(difference / 2);
  });
  return [emit.add("Slice", [x], { starts, steps: x.shape.map(() => 1), extents, fill: 0 })];
}

const moves = { acceptsIntegers: true };

export const rearrangeOps: readonly OpDefinition[] = [
  importersOnly("rearrangements", {
    Tile: { since: 6, import: importTile, restrictions: "repeats known at load", ...moves },
    DepthToSpace: { since: 1, import: importDepthToSpace, ...moves },
    SpaceToDepth: { since: 1, import: importSpaceToDepth, ...moves },
    CumSum: { since: 11, import: importCumSum },
    Trilu: { since: 14, import: importTrilu, ...moves },
    CenterCropPad: { since: 18, import: importCenterCropPad, ...moves },
  }),
];
