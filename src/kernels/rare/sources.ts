/** Ops that are read while the graph is built, or made of others, and that few networks need: Mod, NonZero, EyeLike, OneHot, Range. */
import { sizeOf } from "../../runtime/graph/graph.ts";
import { ShapeError } from "../../runtime/errors.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { broadcastShapes, foldBroadcast, stridesOf } from "../broadcast.ts";
import { constantInput, normaliseAxis, numberAttribute, requiredInput, scalarInput } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition, TensorType } from "../op.ts";
import { ONNX_TYPE } from "../source.ts";
import { castToAny } from "./cast.ts";

function importRange(node: OnnxNode, emit: Emitter): Value[] {
  const [start, limit, delta] = [0, 1, 2].map((i) => scalarInput(node, i, "the range")) as [number, number, number];
  if (delta === 0 || [start, limit, delta].some(Number.isNaN)) throw new ShapeError(`a range from ${start} to ${limit} by ${delta}`);
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  emit.spend([count]);
  return [
    emit.constant(
      [count],
      Float64Array.from({ length: count }, (_, i) => start + i * delta),
      node.inputs[0]!.type,
    ),
  ];
}

function importMod(node: OnnxNode, emit: Emitter): Value[] {
  const [a, b] = [requiredInput(node, 0), requiredInput(node, 1)];
  if (!a.data || !b.data) throw new Unsupported("Mod of what the network computes");
  const truncated = numberAttribute(node, "fmod", 0) !== 0;
  const output: TensorType = { shape: broadcastShapes(a.shape, b.shape), type: a.type };
  emit.spend(output.shape, Math.max(0, sizeOf(output.shape) - a.data.length - b.data.length));
  // The remainder is exact, also where x / y is not.
  const rule = ([x, y]: readonly number[]) => {
    const rest = x! % y!;
    return truncated || rest === 0 || rest < 0 === y! < 0 ? rest : rest + y!;
  };
  return [emit.constant(output.shape, foldBroadcast([a, b], output, rule), a.type)];
}

function importNonZero(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  if (!x.data) throw new Unsupported("a shape that depends on what the network computes");
  const found = Array.from(x.data, (value, i) => ({ value, i })).filter(({ value }) => value !== 0);
  emit.spend(found.length * x.shape.length);
  const strides = stridesOf(x.shape);
  const coordinates = x.shape.flatMap((extent, axis) => found.map(({ i }) => Math.floor(i / strides[axis]!) % extent));
  return [emit.constant([x.shape.length, found.length], coordinates, "int")];
}

function importEyeLike(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  if (x.shape.length !== 2) throw new ShapeError(`it takes a matrix, found [${x.shape}]`);
  const [rows, columns] = x.shape as [number, number];
  emit.spend(x.shape);
  const k = numberAttribute(node, "k", 0);
  const type = numberAttribute(node, "dtype", ONNX_TYPE[x.type]);
  const eye = Array.from({ length: rows * columns }, (_, i) => Number((i % columns) - Math.floor(i / columns) === k));
  return [castToAny(emit.constant([rows, columns], eye), type, emit, node)];
}

/** off + (on − off) · [index = class], along a new axis. */
function importOneHot(node: OnnxNode, emit: Emitter): Value[] {
  const indices = requiredInput(node, 0);
  const depth = scalarInput(node, 1, "the depth");
  emit.spend([depth]);
  const values = requiredInput(node, 2);
  const [off, on] = constantInput(node, 2, "the values")!;
  if (off === undefined || on === undefined) throw new ShapeError(`values [${values.shape}]; off and on are needed`);
  const rank = indices.shape.length + 1;
  const axis = normaliseAxis(numberAttribute(node, "axis", -1), rank);
  const wrapped = indices.data
    ? emit.constant(
        indices.shape,
        indices.data.map((i) => (i < 0 ? i + depth : i)),
        indices.type,
      )
    : indices;
  const shape = [...indices.shape.slice(0, axis), 1, ...indices.shape.slice(axis)];
  const classes = emit.constant(
    [depth, ...Array<number>(rank - 1 - axis).fill(1)],
    Array.from({ length: depth }, (_, i) => i),
    indices.type,
  );
  const hit = emit.add("Equal", [emit.add("Reshape", [wrapped], { shape }), classes]);
  const scalar = (value: number) => emit.constant([], [value], values.type);
  return [emit.add("Where", [hit, scalar(on), scalar(off)])];
}

export const rareSourceOps: readonly OpDefinition[] = [
  importersOnly("rare sources", {
    Range: { since: 11, import: importRange, restrictions: "known at load", derivative: "none" },
    Mod: { since: 10, import: importMod, restrictions: "of constants", derivative: "none" },
    NonZero: { since: 9, import: importNonZero, restrictions: "of constants", derivative: "none" },
    EyeLike: { since: 9, acceptsIntegers: true, import: importEyeLike, derivative: "none" },
    OneHot: { since: 9, acceptsIntegers: true, import: importOneHot, restrictions: "depth and values known at load", derivative: "none" },
  }),
];
