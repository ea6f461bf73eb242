/**
 * Reductions over axes, and the global pools, which are reductions over space.
 *
 * Sum, mean, maximum, minimum, product and log-sum-exp have kernels; the norms and ReduceLogSum are made of these. Where
 * several elements are the maximum, each gets an equal share of the derivative.
 */
import directSource from "../../shaders/reduce/reduce_direct.wgsl?raw";
import maxFunction from "../../shaders/reduce/functions/max.wgsl?raw";
import logSumExpFunction from "../../shaders/reduce/functions/log_sum_exp.wgsl?raw";
import meanFunction from "../../shaders/reduce/functions/mean.wgsl?raw";
import minFunction from "../../shaders/reduce/functions/min.wgsl?raw";
import l2Function from "../../shaders/reduce/functions/l2.wgsl?raw";
import prodFunction from "../../shaders/reduce/functions/prod.wgsl?raw";
import sumFunction from "../../shaders/reduce/functions/sum.wgsl?raw";
import interfaceSource from "../../shaders/reduce/interface.wgsl?raw";
import tiledSource from "../../shaders/reduce/reduce_tiled.wgsl?raw";
import exponentialSource from "../../shaders/lib/exponential.wgsl?raw";
import { ShapeError } from "../runtime/errors.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, ConstantData, Value } from "../runtime/graph/graph.ts";
import { axes as axesOf, axesInUse, mergeAxes, stridesOf } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import type { DerivativeContext, Emitter, Lowering, OnnxBinding, OpDefinition } from "./op.ts";
import { constantInput, normaliseAxis, numberAttribute, numbersAttribute, requiredInput } from "./onnx-attributes.ts";
import { planReduce, reduceSite } from "./reduce-planner.ts";
import { asVariants } from "./variants.ts";
import { gridSource, indexingSource } from "./wgsl.ts";

/** Reduced axes keep extent 1 in every graph op; dropping them is a reshape. */
const reducedAxes = (attributes: Attributes) => attributes["axes"] as readonly number[];

interface ReduceFunction {
  readonly name: string;
  readonly source: string;
  readonly libraries?: readonly string[];
  /** The function in double precision, for constants. */
  readonly evaluate: (elements: readonly number[]) => number;
  readonly onnx?: Readonly<Record<string, OnnxBinding>>;
  readonly vjp: (context: DerivativeContext, cotangent: Value) => Value;
  /** Left out where the function is linear and its jvp is itself. */
  readonly jvp?: (context: DerivativeContext, tangent: Value) => Value;
}

/** ONNX moved the axes from an attribute to an input: ReduceSum in opset 13, the others in 18. */
function importReduce(axesInputSince: number, reduce: (x: Value, axes: readonly number[], emit: Emitter) => Value): OnnxBinding {
  return {
    since: 1,
    import: (node, emit) => {
      const x = requiredInput(node, 0);
      const listed = node.opset >= axesInputSince ? constantInput(node, 1, "the axes") : numbersAttribute(node, "axes");
      const all = !listed || listed.length === 0;
      // No axes then means a reduction over none: every element by itself.
      if (all && numberAttribute(node, "noop_with_empty_axes", 0) !== 0) return [reduce(x, [], emit)];
      const axes = all ? x.shape.map((_, axis) => axis) : listed.map((axis) => normaliseAxis(axis, x.shape.length));
      const kept = reduce(
        x,
        [...new Set(axes)].sort((a, b) => a - b),
        emit,
      );
      if (numberAttribute(node, "keepdims", 1) !== 0) return [kept];
      return [emit.add("Reshape", [kept], { shape: x.shape.filter((_, axis) => !axes.includes(axis)) })];
    },
  };
}

/** The reduction over axes, which stay with extent 1; of none, x itself, which is what sum, mean and extremes make of it. */
export function reduceOver(op: string, x: Value, axes: readonly number[], emit: Emitter): Value {
  return axes.length === 0 ? x : emit.add(op, [x], { axes: [...axes] });
}

const simple = (op: string) => (x: Value, axes: readonly number[], emit: Emitter) => reduceOver(op, x, axes, emit);
const square = (x: Value, emit: Emitter) => emit.add("Mul", [x, x]);

/** √Σ x² with the derivative x / ‖x‖, and 0 where the norm is 0. */
export function norm2(x: Value, axes: readonly number[], emit: Emitter): Value {
  return axes.length === 0 ? emit.add("Abs", [x]) : emit.add("ReduceL2", [x], { axes: [...axes] });
}

export function norm1(x: Value, axes: readonly number[], emit: Emitter): Value {
  return reduceOver("ReduceSum", emit.add("Abs", [x]), axes, emit);
}

/** Every axis of an image but batch and channel. */
export const spatialAxes = (x: Value): number[] => x.shape.map((_, axis) => axis).slice(2);

/** A pool over the whole of space. */
function globalPool(reduce: (x: Value, axes: readonly number[], emit: Emitter) => Value): OnnxBinding {
  return { since: 1, import: (node, emit) => [reduce(requiredInput(node, 0), spatialAxes(requiredInput(node, 0)), emit)] };
}

/** The share of every element in an extreme: 1 over the number of elements that are it. */
function extremeShare({ node, emit }: DerivativeContext): Value {
  const hit = emit.add("Retype", [emit.add("Equal", [node.inputs[0], node.outputs[0]])], { type: "float" });
  return emit.add("Div", [hit, emit.add("ReduceSum", [hit], { axes: [...reducedAxes(node.attributes)] })]);
}

function extreme(
  name: string,
  source: string,
  evaluate: (...elements: number[]) => number,
  onnx: Record<string, OnnxBinding>,
): ReduceFunction {
  return {
    name,
    source,
    evaluate: (elements) => evaluate(...elements),
    onnx,
    vjp: (context, dy) => context.emit.add("Mul", [dy, extremeShare(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, extremeShare(context)])),
  };
}

const summed = ({ node, emit }: DerivativeContext, value: Value): Value =>
  emit.add("ReduceSum", [value], { axes: [...reducedAxes(node.attributes)] });

/**
 * ∂ Π x / ∂ x_i: the product of the others, which is the product of all non-zero elements over x_i (1 for a zero), unless
 * there is another zero.
 */
function productOfOthers({ node, emit }: DerivativeContext): Value {
  const x = node.inputs[0]!;
  const axes = { axes: [...reducedAxes(node.attributes)] };
  const isZero = emit.add("Equal", [x, emit.constant([], [0])]);
  const zero = emit.add("Retype", [isZero], { type: "float" });
  const nonZero = emit.add("Add", [x, zero]);
  const others = emit.add("Div", [emit.add("ReduceProd", [nonZero], axes), nonZero]);
  const alone = emit.add("Equal", [emit.add("ReduceSum", [zero], axes), zero]);
  return emit.add("Mul", [others, emit.add("Retype", [alone], { type: "float" })]);
}

/** ∂ √Σx² / ∂ x = x / ‖x‖, 0 at the origin. */
function direction({ node, emit }: DerivativeContext): Value {
  return emit.add("Mul", [node.inputs[0], emit.add("ReciprocalOrZero", [node.outputs[0]])]);
}

/** ∂ ln Σ e^x / ∂ x = e^(x − y) */
function softmaxOf({ node, emit }: DerivativeContext): Value {
  return emit.add("Exp", [emit.add("Sub", [node.inputs[0], node.outputs[0]])]);
}

const functions: readonly ReduceFunction[] = [
  {
    name: "ReduceSum",
    source: sumFunction,
    evaluate: (elements) => elements.reduce((a, b) => a + b, 0),
    onnx: {
      ReduceSum: { ...importReduce(13, simple("ReduceSum")), acceptsIntegers: true },
      ReduceL1: importReduce(18, norm1),
      ReduceSumSquare: importReduce(18, (x, axes, emit) => reduceOver("ReduceSum", square(x, emit), axes, emit)),
      ReduceLogSum: importReduce(18, (x, axes, emit) => emit.add("Log", [reduceOver("ReduceSum", x, axes, emit)])),
    },
    vjp: ({ node, emit }, dy) => emit.add("Expand", [dy], { shape: [...node.inputs[0]!.shape] }),
  },
  {
    name: "ReduceMean",
    source: meanFunction,
    evaluate: (elements) => elements.reduce((a, b) => a + b, 0) / elements.length,
    onnx: { ReduceMean: importReduce(18, simple("ReduceMean")), GlobalAveragePool: globalPool(simple("ReduceMean")) },
    vjp: ({ node, emit }, dy) => {
      const x = node.inputs[0]!;
      const count = sizeOf(x.shape) / sizeOf(node.outputs[0]!.shape);
      return emit.add("Expand", [emit.add("Mul", [dy, emit.constant([], [1 / count])])], { shape: [...x.shape] });
    },
  },
  extreme("ReduceMax", maxFunction, Math.max, {
    ReduceMax: importReduce(18, simple("ReduceMax")),
    GlobalMaxPool: globalPool(simple("ReduceMax")),
  }),
  extreme("ReduceMin", minFunction, Math.min, { ReduceMin: importReduce(18, simple("ReduceMin")) }),
  {
    name: "ReduceProd",
    source: prodFunction,
    evaluate: (elements) => elements.reduce((a, b) => a * b, 1),
    onnx: { ReduceProd: importReduce(18, simple("ReduceProd")) },
    vjp: (context, dy) => context.emit.add("Mul", [dy, productOfOthers(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, productOfOthers(context)])),
  },
  {
    name: "ReduceL2",
    source: l2Function,
    evaluate: (elements) => Math.hypot(...elements),
    onnx: { ReduceL2: importReduce(18, norm2) },
    vjp: (context, dy) => context.emit.add("Mul", [dy, direction(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, direction(context)])),
  },
  {
    name: "ReduceLogSumExp",
    source: logSumExpFunction,
    libraries: [exponentialSource],
    evaluate: (elements) => {
      const largest = Math.max(...elements);
      return largest + Math.log(elements.reduce((sum, x) => sum + Math.exp(x - largest), 0));
    },
    onnx: { ReduceLogSumExp: importReduce(18, simple("ReduceLogSumExp")) },
    vjp: (context, dy) => context.emit.add("Mul", [dy, softmaxOf(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, softmaxOf(context)])),
  },
];

function foldReduce(rule: ReduceFunction["evaluate"], x: Value, axes: readonly number[], shape: readonly number[]): ConstantData {
  const strides = stridesOf(shape).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const inStrides = stridesOf(x.shape);
  const groups: number[][] = Array.from({ length: sizeOf(shape) }, () => []);
  x.data!.forEach((element, i) => {
    let to = 0;
    x.shape.forEach((extent, axis) => (to += (Math.floor(i / inStrides[axis]!) % extent) * strides[axis]!));
    groups[to]!.push(element);
  });
  const values = groups.map(rule);
  return x.type === "float" ? Float32Array.from(values) : Float64Array.from(values);
}

function lowerReduce(lowering: Lowering, name: string): void {
  const { node } = lowering;
  const [x] = node.inputs as [Value];
  const y = node.outputs[0]!;
  const axes = reducedAxes(node.attributes);
  const strides = stridesOf(x.shape);
  const pick = (reduced: boolean) => x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === reduced);
  const merge = (list: readonly number[]) =>
    mergeAxes(
      list.map((a) => x.shape[a]!),
      list.map((a) => strides[a]!),
    );
  const kept = merge(pick(false));
  const reduced = merge(pick(true));
  const inner = reduced.extents.pop() ?? 1;
  const innerStride = reduced.strides[0]!.pop() ?? 0;
  const outputs = sizeOf(y.shape);
  const count = sizeOf(x.shape) / outputs;
  const facts = { outputs: lowering.copies(y) * outputs, count };
  const site = reduceSite(name, facts, { inner, stride: innerStride }, lowering.adapter);
  const plan = planReduce(facts, lowering.adapter, lowering.variantFor(site));
  lowering.launch({
    kernel: reduceKernels.get(name)![plan.variant],
    constants: { ...plan.constants, AXES: axesInUse(kept.extents, reduced.extents) },
    bindings: { input: x, output: y },
    params: {
      outputs: facts.outputs,
      outputs_per_copy: outputs,
      inputs_per_copy: sizeOf(x.shape),
      outer: sizeOf(reduced.extents),
      inner,
      inner_stride: innerStride,
      kept_extents: axesOf(kept.extents, 1),
      kept_strides: axesOf(kept.strides[0]!, 0),
      outer_extents: axesOf(reduced.extents, 1),
      outer_strides: axesOf(reduced.strides[0]!, 0),
    },
    grid: { lead: y.lead, items: outputs, perGroup: plan.perGroup, depth: 1 },
  });
}

const reduceKernels = new Map(
  functions.map(({ name, source, libraries = [] }) => {
    const file = name.replace("Reduce", "reduce_").toLowerCase();
    return [
      name,
      asVariants({
        direct: defineKernel(`${file}_direct`, directSource, interfaceSource, gridSource, indexingSource, source, ...libraries),
        tiled: defineKernel(`${file}_tiled`, tiledSource, interfaceSource, gridSource, indexingSource, source, ...libraries),
      }),
    ] as const;
  }),
);

function defineReduce({ name, onnx, evaluate, vjp, jvp }: ReduceFunction): OpDefinition {
  return defineOp({
    name,
    ...(onnx && { onnx }),
    infer: ([x], attributes) => {
      if (!x) throw new ShapeError("input 0 is missing");
      const axes = reducedAxes(attributes);
      return [{ shape: x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)), type: x.type }];
    },
    fold: ([x], attributes, [output]) => [foldReduce(evaluate, x!, reducedAxes(attributes), output!.shape)],
    lower: (lowering) => lowerReduce(lowering, name),
    vjp: (context, cotangent) => [vjp(context, cotangent)],
    jvp: (context, [tangent]) => (jvp ? jvp(context, tangent!) : context.emit.add(name, [tangent], context.node.attributes)),
  });
}

export const reduceOps: readonly OpDefinition[] = functions.map(defineReduce);
