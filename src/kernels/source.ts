/** Ops that only hand values on or make constants while the graph is built: Identity, Dropout, Constant, Cast, Shape, … */
import { sizeOf } from "../runtime/graph/graph.ts";
import type { ElementType, Value } from "../runtime/graph/graph.ts";
import { broadcastShapes, foldBroadcast, stridesOf } from "./broadcast.ts";
import { constantInput, normaliseAxis, numberAttribute, requiredInput, stringAttribute } from "./onnx-attributes.ts";
import { defineOp, importersOnly, Unsupported } from "./op.ts";
import {
  BFLOAT16,
  FLOAT16,
  FLOAT8E8M0,
  INTEGER_RANGES,
  roundToPowerOfTwo,
  roundToSmallFloat,
  SMALL_FLOATS,
  wrapInteger,
} from "./element-types.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition, TensorType } from "./op.ts";

function importConstant(node: OnnxNode, emit: Emitter): Value[] {
  const { attributes } = node;
  const value = attributes["value"];
  if (value && typeof value === "object" && "data" in value) return [emit.constant(value.shape, value.data, value.type, value.onnxType)];
  if (typeof attributes["value_float"] === "number") return [emit.constant([], [attributes["value_float"]])];
  if (typeof attributes["value_int"] === "number") return [emit.constant([], [attributes["value_int"]], "int")];
  for (const [name, type] of [
    ["value_floats", "float"],
    ["value_ints", "int"],
  ] as const) {
    const list = attributes[name];
    if (Array.isArray(list)) return [emit.constant([list.length], list as number[], type)];
  }
  throw new Unsupported(`a constant given by ${Object.keys(attributes).join(", ") || "nothing"}`);
}

/** Integers wide enough to hold whatever a network computes in f32 exactly, up to 2²⁴. */
const WIDE_INT_TYPES = new Set([6, 7, 12, 13]);
/** Floats that are held as f32 without being rounded. */
const WIDE_FLOAT_TYPES = new Set([1, FLOAT16, 11, BFLOAT16]);
const BOOL_TYPE = 9;
/** Integers of fewer than 8 bits: constants wrap around into them. */
const NARROW_INT_TYPES = new Set([21, 22, 25, 26]);

function heldAs(to: number): ElementType {
  if (to === BOOL_TYPE) return "bool";
  if (WIDE_FLOAT_TYPES.has(to) || SMALL_FLOATS[to] || to === FLOAT8E8M0) return "float";
  if (WIDE_INT_TYPES.has(to) || INTEGER_RANGES[to]) return "int";
  throw new Unsupported(`casting to element type ${to}`, "to");
}

interface Rounding {
  /** Whether what is too large for 8 bits becomes the largest number, rather than infinity or NaN. */
  readonly saturate: boolean;
  /** Where between two powers of two a scale goes. */
  readonly mode: "up" | "down" | "nearest";
}

const roundingOf = (node: OnnxNode): Rounding => {
  const mode = stringAttribute(node, "round_mode", "up");
  if (mode !== "up" && mode !== "down" && mode !== "nearest") throw new Unsupported(`round_mode ${mode}`, "round_mode");
  return { saturate: numberAttribute(node, "saturate", 1) !== 0, mode };
};

/** A constant's element under another element type. */
function convertTo(to: number, { saturate, mode }: Rounding): (x: number) => number {
  if (to === BOOL_TYPE) return (x) => Number(x !== 0);
  if (to === FLOAT8E8M0) return (x) => roundToPowerOfTwo(x, mode, saturate);
  if (WIDE_FLOAT_TYPES.has(to)) return (x) => x;
  const format = SMALL_FLOATS[to];
  if (format) return (x) => roundToSmallFloat(x, format, saturate);
  return NARROW_INT_TYPES.has(to) ? (x) => wrapInteger(x, INTEGER_RANGES[to]!) : Math.trunc;
}

/** Cast toward an ONNX element type: of constants at load; of computed values where f32 can hold the result. */
function cast(x: Value, to: number, rounding: Rounding, emit: Emitter): Value {
  const type = heldAs(to);
  if (x.data) return emit.constant(x.shape, Float64Array.from(x.data, convertTo(to, rounding)), type, to);
  if (type === "float" && !WIDE_FLOAT_TYPES.has(to))
    throw new Unsupported(`casting what the network computes to element type ${to}, which rounds`, "to");
  if (x.type === type) return x;
  if (type === "bool") return emit.add("Not", [emit.add("Equal", [x, emit.constant([], [0], x.type)])]);
  if (type === "float" || x.type === "bool") return emit.add("Retype", [x], { type });
  if (!WIDE_INT_TYPES.has(to))
    throw new Unsupported(`casting what the network computes to element type ${to}, which may wrap around`, "to");
  const whole = emit.add("Mul", [emit.add("Sign", [x]), emit.add("Floor", [emit.add("Abs", [x])])]);
  return emit.add("Retype", [whole], { type });
}

const ONNX_TYPE: Record<ElementType, number> = { float: 1, int: 7, bool: BOOL_TYPE };

/** The same numbers under another type: truth values are 0 and 1, integers are f32 on the GPU. Attribute `type`. */
const retype = defineOp({
  name: "Retype",
  elementwise: true,
  infer: ([x], attributes) => [{ shape: x!.shape, type: attributes["type"] as ElementType }],
  fold: ([x]) => [x!.data!],
  lower: (lowering) => lowering.alias(lowering.node.outputs[0]!, lowering.node.inputs[0]!),
  // Integers and truth values have no derivative to hand on.
  vjp: () => [undefined],
});

/** The element that ConstantOfShape repeats; 0 where the attribute is left out. */
function importConstantOfShape(node: OnnxNode, emit: Emitter): Value[] {
  const shape = constantInput(node, 0, "the shape") ?? [];
  const value = node.attributes["value"];
  const given = value && typeof value === "object" && "data" in value ? value : undefined;
  return [emit.constant(shape, new Float64Array(sizeOf(shape)).fill(given?.data[0] ?? 0), given?.type ?? "float", given?.onnxType)];
}

function importRange(node: OnnxNode, emit: Emitter): Value[] {
  const [start, limit, delta] = [0, 1, 2].map((i) => constantInput(node, i, "the range")![0]!) as [number, number, number];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
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
  const rule = ([x, y]: readonly number[]) => (truncated ? x! % y! : x! - y! * Math.floor(x! / y!));
  return [emit.constant(output.shape, foldBroadcast([a, b], output, rule), a.type)];
}

function importNonZero(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  if (!x.data) throw new Unsupported("a shape that depends on what the network computes");
  const found = Array.from(x.data, (value, i) => ({ value, i })).filter(({ value }) => value !== 0);
  const strides = stridesOf(x.shape);
  const coordinates = x.shape.flatMap((extent, axis) => found.map(({ i }) => Math.floor(i / strides[axis]!) % extent));
  return [emit.constant([x.shape.length, found.length], coordinates, "int")];
}

function importEyeLike(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const [rows, columns] = x.shape as [number, number];
  const k = numberAttribute(node, "k", 0);
  const type = numberAttribute(node, "dtype", ONNX_TYPE[x.type]);
  const eye = Array.from({ length: rows * columns }, (_, i) => Number((i % columns) - Math.floor(i / columns) === k));
  return [cast(emit.constant([rows, columns], eye), type, roundingOf(node), emit)];
}

/** off + (on − off) · [index = class], along a new axis. */
function importOneHot(node: OnnxNode, emit: Emitter): Value[] {
  const indices = requiredInput(node, 0);
  const depth = constantInput(node, 1, "the depth")![0]!;
  const values = requiredInput(node, 2);
  const [off, on] = constantInput(node, 2, "the values") as [number, number];
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

function importDropout(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const training = node.inputs[2];
  if (training && !(training.data && training.data[0] === 0)) throw new Unsupported("Dropout in training mode");
  return [x, emit.constant(x.shape, new Float64Array(sizeOf(x.shape)).fill(1), "bool")];
}

const bindings: Record<string, OnnxBinding> = {
  If: {
    since: 1,
    restrictions: "condition known at load",
    import: () => {
      throw new Error("branches are imported in place, by runtime/onnx/import.ts");
    },
  },
  Identity: { since: 1, acceptsIntegers: true, import: (node) => [requiredInput(node, 0)] },
  Constant: { since: 1, import: importConstant },
  Dropout: { since: 7, import: importDropout, restrictions: "inference" },
  Cast: {
    since: 6,
    acceptsIntegers: true,
    restrictions: "what the network computes: to floats of 16 bits and more (held as f32), to integers of 32 and 64 bits",
    import: (node, emit) => [cast(requiredInput(node, 0), numberAttribute(node, "to", 0), roundingOf(node), emit)],
  },
  CastLike: {
    since: 15,
    acceptsIntegers: true,
    restrictions: "as Cast",
    import: (node, emit) => {
      const like = requiredInput(node, 1);
      return [cast(requiredInput(node, 0), like.onnxType ?? ONNX_TYPE[like.type], roundingOf(node), emit)];
    },
  },
  ConstantOfShape: { since: 9, import: importConstantOfShape, restrictions: "shape known at load", derivative: "none" },
  Range: { since: 11, import: importRange, restrictions: "known at load", derivative: "none" },
  Mod: { since: 10, import: importMod, restrictions: "of constants", derivative: "none" },
  NonZero: { since: 9, import: importNonZero, restrictions: "of constants", derivative: "none" },
  EyeLike: { since: 9, acceptsIntegers: true, import: importEyeLike, derivative: "none" },
  OneHot: { since: 9, acceptsIntegers: true, import: importOneHot, restrictions: "depth and values known at load", derivative: "none" },
  Size: {
    since: 1,
    acceptsIntegers: true,
    derivative: "none",
    import: (node, emit) => [emit.constant([], [sizeOf(requiredInput(node, 0).shape)], "int")],
  },
  Shape: {
    since: 1,
    acceptsIntegers: true,
    derivative: "none",
    import: (node, emit) => {
      const { shape } = requiredInput(node, 0);
      const part = shape.slice(numberAttribute(node, "start", 0), numberAttribute(node, "end", shape.length));
      return [emit.constant([part.length], part, "int")];
    },
  },
};

export const sourceOps: readonly OpDefinition[] = [importersOnly("sources", bindings), retype];
