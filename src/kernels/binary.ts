/**
 * Element-wise functions of two arguments, with NumPy broadcasting. Derivatives are built from the same ops; what
 * broadcasting repeated is summed (sumTo).
 */
import binarySource from "../../shaders/elementwise/binary.wgsl?raw";
import addSource from "../../shaders/elementwise/functions/add.wgsl?raw";
import divSource from "../../shaders/elementwise/functions/div.wgsl?raw";
import equalSource from "../../shaders/elementwise/functions/equal.wgsl?raw";
import greaterSource from "../../shaders/elementwise/functions/greater.wgsl?raw";
import greaterOrEqualSource from "../../shaders/elementwise/functions/greater_or_equal.wgsl?raw";
import lessSource from "../../shaders/elementwise/functions/less.wgsl?raw";
import lessOrEqualSource from "../../shaders/elementwise/functions/less_or_equal.wgsl?raw";
import maxSource from "../../shaders/elementwise/functions/max.wgsl?raw";
import minSource from "../../shaders/elementwise/functions/min.wgsl?raw";
import mulSource from "../../shaders/elementwise/functions/mul.wgsl?raw";
import subSource from "../../shaders/elementwise/functions/sub.wgsl?raw";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { ShapeError } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { ElementType, Node, Value } from "../runtime/graph/graph.ts";
import { axes, axesInUse, broadcastShapes, broadcastStrides, foldBroadcast, mergeAxes, sumTo } from "./broadcast.ts";
import { clampOf, maskedCotangent, rangeOf } from "./epilogue.ts";
import { defineOp } from "./op.ts";
import type { DerivativeContext, Emitter, Lowering, OnnxBinding, OpDefinition } from "./op.ts";
import { numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { gridSource, ieeeSource, indexingSource, LANES, slotsSource } from "./wgsl.ts";

export interface BinaryFunction {
  readonly name: string;
  /** The file that defines value(a, b), and the libraries it is linked with. */
  readonly source: string;
  readonly libraries?: readonly string[];
  readonly evaluate: (a: number, b: number) => number;
  /** Element type of the result; default a's. */
  readonly type?: ElementType;
  /** How ONNX ops become it; default the op of the same name, with two inputs. */
  readonly onnx?: Readonly<Record<string, OnnxBinding>>;
  /** Cotangents of a and b in the broadcast shape; `needs` says which are wanted. Neither rule: no derivative. */
  readonly vjp?: (context: DerivativeContext, dy: Value, needs: readonly [boolean, boolean]) => readonly (Value | undefined)[];
  readonly jvp?: (context: DerivativeContext, da: Value | undefined, db: Value | undefined) => Value;
}

function lowerBinary(lowering: Lowering, kernel: Kernel): void {
  const [a, b] = lowering.node.inputs as [Value, Value];
  const y = lowering.node.outputs[0]!;
  const elements = sizeOf(y.shape);
  const sameShape = sizeOf(a.shape) === elements && sizeOf(b.shape) === elements;
  const merged = mergeAxes(y.shape, broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape));
  lowering.launch({
    kernel,
    constants: {
      LANES,
      AXES: sameShape ? 1 : axesInUse(merged.extents),
      A_LEAD: lowering.leadOf(a, y),
      B_LEAD: lowering.leadOf(b, y),
      SAME_SHAPE: sameShape,
      CLAMPED: clampOf(lowering.node) !== undefined,
    },
    bindings: { a, b, output: y, slots: "slots" },
    params: {
      elements: lowering.copies(y) * elements,
      elements_per_copy: elements,
      a_per_copy: sizeOf(a.shape),
      b_per_copy: sizeOf(b.shape),
      rows: lowering.rows,
      ...rangeOf(lowering.node),
      alpha: 0,
      beta: 0,
      extents: axes(merged.extents, 1),
      a_strides: axes(merged.strides[0]!, 0),
      b_strides: axes(merged.strides[1]!, 0),
    },
    grid: { lead: y.lead, items: elements, perGroup: LANES, depth: 1 },
  });
}

/** Opset 6 aligned b's axes with a's from `axis` on when `broadcast` was set; since opset 7 shapes align at the end. */
function legacyBroadcast(a: Value, b: Value, axis: number, emit: Emitter): Value {
  if (axis < 0 || b.shape.length === 0) return b;
  const trailing = a.shape.length - axis - b.shape.length;
  return trailing > 0 ? emit.add("Reshape", [b], { shape: [...b.shape, ...Array<number>(trailing).fill(1)] }) : b;
}

/** The ONNX op of the same name. */
function plain(name: string, binding: Partial<OnnxBinding> = {}): Record<string, OnnxBinding> {
  return {
    [name]: {
      since: 1,
      import: (node, emit) => {
        const a = requiredInput(node, 0);
        const b = requiredInput(node, 1);
        const aligned = node.opset < 7 ? legacyBroadcast(a, b, numberAttribute(node, "axis", -1), emit) : b;
        return [emit.add(name, [a, aligned])];
      },
      ...binding,
    },
  };
}

/** An ONNX op of any number of inputs, as a chain. */
function variadic(op: string): OnnxBinding {
  return {
    since: 6,
    import: (node, emit) => {
      // Of a mean every term is divided: their sum may be beyond f32 where the mean is not.
      const share = node.op === "Mean" && node.inputs.length > 1 ? emit.constant([], [1 / node.inputs.length]) : undefined;
      const terms = node.inputs.map((_, i) => requiredInput(node, i));
      const inputs = share ? terms.map((term) => emit.add("Mul", [term, share])) : terms;
      const [first, ...rest] = inputs;
      if (!first) throw new ShapeError("it has no inputs");
      return [rest.reduce((chain, input) => emit.add(op, [chain, input]), first)];
    },
  };
}

/* @__NO_SIDE_EFFECTS__ */
export function defineBinary({ name, source, libraries = [], evaluate, type, onnx, vjp, jvp }: BinaryFunction): OpDefinition {
  const kernel = defineKernel(name.toLowerCase(), binarySource, gridSource, ieeeSource, slotsSource, indexingSource, source, ...libraries);
  return defineOp({
    name,
    elementwise: true,
    ...(type !== "bool" && { epilogues: ["clamp"] as const }),
    onnx: onnx ?? plain(name),
    infer: ([a, b]) => [{ shape: broadcastShapes(a!.shape, b!.shape), type: type ?? a!.type }],
    fold: ([a, b], _attributes, [output]) => {
      const rule = a!.type === "int" && name === "Div" ? (x: number, y: number) => Math.trunc(x / y) : evaluate;
      return [foldBroadcast([a!, b!], output!, ([x, y]) => rule(x!, y!))];
    },
    lower: (lowering) => lowerBinary(lowering, kernel),
    ...(vjp && {
      vjp: (context: DerivativeContext, cotangent: Value) => {
        const { node, emit } = context;
        const dy = maskedCotangent(node, cotangent, emit);
        const needs = node.inputs.map((input) => !input!.data) as [boolean, boolean];
        return vjp(context, dy, needs).map((d, i) => (d && needs[i] ? sumTo(d, node.inputs[i]!.shape, emit) : undefined));
      },
    }),
    ...(jvp && {
      jvp: (context: DerivativeContext, [da, db]: readonly (Value | undefined)[]) => {
        const y = jvp(context, da, db);
        const shape = context.node.outputs[0]!.shape;
        const whole = y.shape.join() === shape.join() ? y : context.emit.add("Expand", [y], { shape: [...shape] });
        return maskedCotangent(context.node, whole, context.emit);
      },
    }),
  });
}

/** The sum of two tangents, either of which may be missing. */
export const sum = (emit: Emitter, a: Value | undefined, b: Value | undefined): Value => (a && b ? emit.add("Add", [a, b]) : (a ?? b)!);
const negated = (emit: Emitter, x: Value | undefined): Value | undefined => x && emit.add("Neg", [x]);

/** The larger or the smaller of two: the derivative goes to the one taken, to the first where both are equal. */
function extremum(
  name: string,
  source: string,
  evaluate: BinaryFunction["evaluate"],
  firstWins: string,
  secondWins: string,
): BinaryFunction {
  const part = (emit: Emitter, direction: Value, wins: string, node: Node) => emit.add("Mul", [direction, emit.add(wins, node.inputs)]);
  return {
    name,
    source,
    evaluate,
    onnx: { [name]: variadic(name) },
    vjp: ({ node, emit }, dy, [needsA, needsB]) => [
      needsA ? part(emit, dy, firstWins, node) : undefined,
      needsB ? part(emit, dy, secondWins, node) : undefined,
    ],
    jvp: ({ node, emit }, da, db) => sum(emit, da && part(emit, da, firstWins, node), db && part(emit, db, secondWins, node)),
  };
}

/** A truth value of two numbers, or of two truth values. */
export function relation(name: string, source: string, evaluate: (a: number, b: number) => boolean): BinaryFunction {
  const onnx = plain(name, { acceptsIntegers: true, derivative: "none" });
  return { name, source, evaluate: (a, b) => Number(evaluate(a, b)), type: "bool", onnx };
}

const functions: readonly BinaryFunction[] = [
  {
    name: "Add",
    source: addSource,
    onnx: { ...plain("Add"), Sum: variadic("Add"), Mean: variadic("Add") },
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
    jvp: ({ node, emit }, da, db) => sum(emit, da && emit.add("Mul", [da, node.inputs[1]]), db && emit.add("Mul", [node.inputs[0], db])),
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
  extremum("Max", maxSource, Math.max, "GreaterOrEqual", "Less"),
  extremum("Min", minSource, Math.min, "LessOrEqual", "Greater"),
  relation("Equal", equalSource, (a, b) => a === b),
  relation("Greater", greaterSource, (a, b) => a > b),
  relation("GreaterOrEqual", greaterOrEqualSource, (a, b) => a >= b),
  relation("Less", lessSource, (a, b) => a < b),
  relation("LessOrEqual", lessOrEqualSource, (a, b) => a <= b),
];

export const binaryOps: readonly OpDefinition[] = /* @__PURE__ */ functions.map(defineBinary);
