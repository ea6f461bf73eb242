/** Ops that only hand values on or make constants while the graph is built: Identity, Dropout, Constant, Cast, Shape. */
import type { Value } from "../runtime/graph/graph.ts";
import { Unsupported } from "./op.ts";
import type { Emitter, OnnxBinding, OnnxNode } from "./op.ts";
import { numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { defineOp } from "./op.ts";
import type { OpDefinition } from "./op.ts";

function importConstant(node: OnnxNode, emit: Emitter): Value[] {
  const { attributes } = node;
  const value = attributes["value"];
  if (value && typeof value === "object" && "data" in value) return [emit.constant(value.shape, value.data, value.type)];
  if (typeof attributes["value_float"] === "number") return [emit.constant([], [attributes["value_float"]])];
  if (typeof attributes["value_int"] === "number") return [emit.constant([], [attributes["value_int"]], "int")];
  for (const [name, type] of [["value_floats", "float"], ["value_ints", "int"]] as const) {
    const list = attributes[name];
    if (Array.isArray(list)) return [emit.constant([list.length], list as number[], type)];
  }
  throw new Unsupported(`a constant given by ${Object.keys(attributes).join(", ") || "nothing"}`);
}

/** ONNX TensorProto element types that Nudge holds as float, and as int. */
const FLOAT_TYPES = new Set([1, 10, 11, 16]);
const INT_TYPES = new Set([2, 3, 4, 5, 6, 7, 12, 13]);
const BOOL_TYPE = 9;

function importCast(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const to = numberAttribute(node, "to", 0);
  if (FLOAT_TYPES.has(to) && x.type === "float") return [x];
  if (!x.data) throw new Unsupported(`casting ${x.type} to element type ${to} at run time`, "to");
  if (FLOAT_TYPES.has(to)) return [emit.constant(x.shape, x.data, "float")];
  if (INT_TYPES.has(to)) return [emit.constant(x.shape, Float64Array.from(x.data, Math.trunc), "int")];
  if (to === BOOL_TYPE) return [emit.constant(x.shape, Float64Array.from(x.data, (v) => Number(v !== 0)), "bool")];
  throw new Unsupported(`casting to element type ${to}`, "to");
}

function importDropout(node: OnnxNode): Value[] {
  const x = requiredInput(node, 0);
  const training = node.inputs[2];
  if (training && !(training.data && training.data[0] === 0)) throw new Unsupported("Dropout in training mode");
  return [x]; // The mask output is not made: a node that reads it is reported.
}

const bindings: Record<string, OnnxBinding> = {
  Identity: { since: 1, import: (node) => [requiredInput(node, 0)] },
  Constant: { since: 1, import: importConstant },
  Dropout: { since: 7, import: importDropout, restrictions: "inference" },
  Cast: { since: 6, import: importCast, restrictions: "between floats; anything when constant" },
  Shape: {
    since: 1,
    import: (node, emit) => {
      const { shape } = requiredInput(node, 0);
      const end = numberAttribute(node, "end", shape.length);
      const part = shape.slice(numberAttribute(node, "start", 0), end);
      return [emit.constant([part.length], part, "int")];
    },
  },
};

/** Carries the importers above; no graph holds it. */
const source = defineOp({
  name: "Source",
  onnx: bindings,
  infer: () => [],
  lower: () => {
    throw new Error("source ops are resolved while the graph is built");
  },
});

export const sourceOps: readonly OpDefinition[] = [source];
