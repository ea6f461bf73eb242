/**
 * Element-wise functions of two arguments, with NumPy broadcasting. Derivatives are built from the same ops; what
 * broadcasting repeated is summed (sumTo).
 */
import binarySource from "../../shaders/elementwise/binary.wgsl?raw";
import addSource from "../../shaders/elementwise/functions/add.wgsl?raw";
import divSource from "../../shaders/elementwise/functions/div.wgsl?raw";
import mulSource from "../../shaders/elementwise/functions/mul.wgsl?raw";
import subSource from "../../shaders/elementwise/functions/sub.wgsl?raw";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { ConstantData, Value } from "../runtime/graph/graph.ts";
import { axes, broadcastShapes, broadcastStrides, mergeAxes, sumTo } from "./broadcast.ts";
import { epilogueOf, maskedCotangent } from "./epilogue.ts";
import { defineOp } from "./op.ts";
import type { DerivativeContext, Emitter, Lowering, OpDefinition } from "./op.ts";
import { numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { gridSource, indexingSource, LANES, slotsSource } from "./wgsl.ts";

interface BinaryFunction {
  readonly name: string;
  readonly source: string;
  readonly evaluate: (a: number, b: number) => number;
  /** Cotangents of a and b in the broadcast shape; `needs` says which are wanted. */
  readonly vjp: (context: DerivativeContext, dy: Value, needs: readonly [boolean, boolean]) => readonly (Value | undefined)[];
  readonly jvp: (context: DerivativeContext, da: Value | undefined, db: Value | undefined) => Value;
}

function lowerBinary(lowering: Lowering, kernel: Kernel): void {
  const [a, b] = lowering.node.inputs as [Value, Value];
  const y = lowering.node.outputs[0]!;
  const elements = sizeOf(y.shape);
  const { constants, params } = epilogueOf(lowering.node, undefined, undefined);
  const merged = mergeAxes(y.shape, broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape));
  lowering.launch({
    kernel,
    constants: {
      LANES,
      A_LEAD: lowering.leadOf(a, y),
      B_LEAD: lowering.leadOf(b, y),
      SAME_SHAPE: sizeOf(a.shape) === elements && sizeOf(b.shape) === elements,
      CLAMPED: constants["CLAMPED"]!,
    },
    bindings: { a, b, output: y, slots: "slots" },
    params: {
      elements: lowering.copies(y) * elements,
      elements_per_copy: elements,
      a_per_copy: sizeOf(a.shape),
      b_per_copy: sizeOf(b.shape),
      rows: lowering.rows,
      ...params,
      alpha: 0,
      beta: 0,
      extents: axes(merged.extents, 1),
      a_strides: axes(merged.strides[0]!, 0),
      b_strides: axes(merged.strides[1]!, 0),
    },
    grid: { lead: y.lead, items: elements, perGroup: LANES, depth: 1 },
  });
}

function foldBinary(a: Value, b: Value, shape: readonly number[], evaluate: BinaryFunction["evaluate"]): ConstantData {
  const [aStrides, bStrides] = [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape)];
  const out = new (a.type === "float" ? Float32Array : Float64Array)(sizeOf(shape));
  for (let i = 0; i < out.length; i++) {
    let rest = i;
    let [atA, atB] = [0, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const coordinate = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
      atA += coordinate * aStrides[axis]!;
      atB += coordinate * bStrides[axis]!;
    }
    out[i] = evaluate(a.data![atA]!, b.data![atB]!);
  }
  return out;
}

/** Opset 6 aligned b's axes with a's from `axis` on when `broadcast` was set; since opset 7 shapes align at the end. */
function legacyBroadcast(a: Value, b: Value, axis: number, emit: Emitter): Value {
  if (axis < 0 || b.shape.length === 0) return b;
  const trailing = a.shape.length - axis - b.shape.length;
  return trailing > 0 ? emit.add("Reshape", [b], { shape: [...b.shape, ...Array<number>(trailing).fill(1)] }) : b;
}

function defineBinary({ name, source, evaluate, vjp, jvp }: BinaryFunction): OpDefinition {
  const kernel = defineKernel(name.toLowerCase(), binarySource, gridSource, slotsSource, indexingSource, source);
  return defineOp({
    name,
    epilogues: ["clamp"],
    onnx: {
      [name]: {
        since: 1,
        import: (node, emit) => {
          const a = requiredInput(node, 0);
          const b = requiredInput(node, 1);
          const aligned = node.opset < 7 ? legacyBroadcast(a, b, numberAttribute(node, "axis", -1), emit) : b;
          return [emit.add(name, [a, aligned])];
        },
      },
    },
    infer: ([a, b]) => [{ shape: broadcastShapes(a!.shape, b!.shape), type: a!.type }],
    fold: ([a, b], _attributes, [output]) => [
      foldBinary(a!, b!, output!.shape, a!.type === "int" && name === "Div" ? (x, y) => Math.trunc(x / y) : evaluate),
    ],
    lower: (lowering) => lowerBinary(lowering, kernel),
    vjp: (context, cotangent) => {
      const { node, emit } = context;
      const dy = maskedCotangent(node, cotangent, emit);
      const needs = node.inputs.map((input) => !input!.data) as [boolean, boolean];
      return vjp(context, dy, needs).map((d, i) => d && needs[i] && sumTo(d, node.inputs[i]!.shape, emit)).map((d) => d || undefined);
    },
    jvp: (context, [da, db]) => {
      const y = jvp(context, da, db);
      const shape = context.node.outputs[0]!.shape;
      const whole = y.shape.join() === shape.join() ? y : context.emit.add("Expand", [y], { shape: [...shape] });
      return maskedCotangent(context.node, whole, context.emit);
    },
  });
}

const sum = (emit: Emitter, a: Value | undefined, b: Value | undefined): Value => (a && b ? emit.add("Add", [a, b]) : (a ?? b)!);
const negated = (emit: Emitter, x: Value | undefined): Value | undefined => x && emit.add("Neg", [x]);

const functions: readonly BinaryFunction[] = [
  {
    name: "Add",
    source: addSource,
    evaluate: (a, b) => a + b,
    vjp: (_, dy) => [dy, dy],
    jvp: ({ emit }, da, db) => sum(emit, da, db),
  },
  {
    name: "Sub",
    source: subSource,
    evaluate: (a, b) => a - b,
    vjp: ({ emit }, dy, [, needsB]) => [dy, needsB ? emit.add("Neg", [dy]) : undefined],
    jvp: ({ emit }, da, db) => (da && db ? emit.add("Sub", [da, db]) : (da ?? negated(emit, db))!),
  },
  {
    name: "Mul",
    source: mulSource,
    evaluate: (a, b) => a * b,
    vjp: ({ node, emit }, dy, [needsA, needsB]) => [
      needsA ? emit.add("Mul", [dy, node.inputs[1]]) : undefined,
      needsB ? emit.add("Mul", [dy, node.inputs[0]]) : undefined,
    ],
    jvp: ({ node, emit }, da, db) =>
      sum(emit, da && emit.add("Mul", [da, node.inputs[1]]), db && emit.add("Mul", [node.inputs[0], db])),
  },
  {
    name: "Div",
    source: divSource,
    evaluate: (a, b) => a / b,
    // d(a/b) = da/b − (a/b) db/b, with the quotient taken anew from the inputs: the output may be clamped.
    vjp: ({ node, emit }, dy, [needsA, needsB]) => {
      const [a, b] = node.inputs as [Value, Value];
      const overB = emit.add("Div", [dy, b]);
      return [needsA ? overB : undefined, needsB ? emit.add("Neg", [emit.add("Mul", [overB, emit.add("Div", [a, b])])]) : undefined];
    },
    jvp: ({ node, emit }, da, db) => {
      const [a, b] = node.inputs as [Value, Value];
      const fromB = db && emit.add("Mul", [emit.add("Div", [a, b]), emit.add("Div", [db, b])]);
      return sum(emit, da && emit.add("Div", [da, b]), negated(emit, fromB));
    },
  },
];

export const binaryOps: readonly OpDefinition[] = functions.map(defineBinary);
