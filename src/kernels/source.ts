/** Ops that only hand values on or make constants while the graph is built: Identity, Dropout, Constant, Cast, Shape, … */
import { sizeOf } from "../runtime/graph/graph.ts";
import type { ElementType, Value } from "../runtime/graph/graph.ts";
import { exactOf, leavesType } from "../runtime/graph/integers.ts";
import { isUnknown } from "../runtime/graph/unknown.ts";
import { constantInput, numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { defineOp, importersOnly, Unsupported } from "./op.ts";
import { BFLOAT16, FLOAT16, FLOAT8E8M0, INTEGER_RANGES, SMALL_FLOATS } from "./element-types.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "./op.ts";

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
export const WIDE_INT_TYPES = new Set([6, 7, 12, 13]);
/** Floats that are held as f32 without being rounded. */
const WIDE_FLOAT_TYPES = new Set([1, FLOAT16, 11, BFLOAT16]);
const BOOL_TYPE = 9;
/** Element types that not even constants can be cast to without being rounded or wrapped around: rare/cast.ts. */
export const roundsTo = (to: number): boolean => (to in SMALL_FLOATS && !WIDE_FLOAT_TYPES.has(to)) || to >= 21;

/** Whether integers have to wrap around to become others, or have no double. */
export const needsWrap = ({ data, type }: Value, to: number): boolean =>
  type === "int" && data !== undefined && (exactOf(data) !== undefined || (heldAs(to) === "int" && leavesType(data, to)));

/** The type of the graph in which an ONNX element type is held. */
export function heldAs(to: number): ElementType {
  if (to === BOOL_TYPE) return "bool";
  if (WIDE_FLOAT_TYPES.has(to) || SMALL_FLOATS[to] || to === FLOAT8E8M0) return "float";
  if (WIDE_INT_TYPES.has(to) || INTEGER_RANGES[to]) return "int";
  throw new Unsupported(`casting to element type ${to}`, "to");
}

/** Cast toward an ONNX element type, where that takes no arithmetic on the GPU: rare/cast.ts has the rest. */
export function cast(x: Value, to: number, emit: Emitter): Value {
  const type = heldAs(to);
  if (x.data) {
    if (roundsTo(to) || needsWrap(x, to)) throw new Unsupported(`casting to element type ${to}`, "to");
    if (type === "float") return emit.constant(x.shape, x.data, type, to);
    if (isUnknown(x.data)) throw new Unsupported("casts numbers in a file that is not given");
    return emit.constant(x.shape, Float64Array.from(x.data, type === "bool" ? (n) => Number(n !== 0) : Math.trunc), type, to);
  }
  if (type === "float" && !WIDE_FLOAT_TYPES.has(to))
    throw new Unsupported(`casting what the network computes to element type ${to}, which rounds`, "to");
  if (x.type === type) return x;
  if (type === "float") return emit.add("Retype", [x], { type });
  throw new Unsupported(`casting what the network computes to element type ${to}`, "to");
}

/** The element type that each type of the graph stands for, where a node names none. */
export const ONNX_TYPE: Record<ElementType, number> = { float: 1, int: 7, bool: BOOL_TYPE };

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
  requiredInput(node, 0);
  const shape = constantInput(node, 0, "the shape")!;
  emit.spend(shape);
  const value = node.attributes["value"];
  const given = value && typeof value === "object" && "data" in value ? value : undefined;
  return [emit.constant(shape, new Float64Array(sizeOf(shape)).fill(given?.data[0] ?? 0), given?.type ?? "float", given?.onnxType)];
}

function importDropout(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const training = node.inputs[2];
  if (training && !(training.data && training.data[0] === 0)) throw new Unsupported("Dropout in training mode");
  if (node.outputCount < 2) return [x];
  emit.spend(x.shape);
  return [x, emit.constant(x.shape, new Float64Array(sizeOf(x.shape)).fill(1), "bool")];
}

export const castBinding: OnnxBinding = {
  since: 6,
  acceptsIntegers: true,
  restrictions: "what the network computes: to floats of 16 bits and more (held as f32), to integers of 32 and 64 bits",
  import: (node, emit) => [cast(requiredInput(node, 0), numberAttribute(node, "to", 0), emit)],
};

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
  Cast: castBinding,
  ConstantOfShape: { since: 9, import: importConstantOfShape, restrictions: "shape known at load", derivative: "none" },
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
