/**
 * Reductions over axes, and the global pools, which are reductions over space. Norms, products and log-sum-exp are among the
 * rare ops (rare/reductions.ts).
 *
 * Where several elements are the maximum, each gets an equal share of the derivative.
 */
import directSource from "../../shaders/reduce/reduce_direct.wgsl?raw";
import maxFunction from "../../shaders/reduce/functions/max.wgsl?raw";
import meanFunction from "../../shaders/reduce/functions/mean.wgsl?raw";
import minFunction from "../../shaders/reduce/functions/min.wgsl?raw";
import sumFunction from "../../shaders/reduce/functions/sum.wgsl?raw";
import compensatedSource from "../../shaders/lib/compensated.wgsl?raw";
import interfaceSource from "../../shaders/reduce/interface.wgsl?raw";
import tiledSource from "../../shaders/reduce/reduce_tiled.wgsl?raw";
import { ShapeError } from "../runtime/errors.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, ConstantData, Value } from "../runtime/graph/graph.ts";
import { axes as axesOf, axesInUse, mergeAxes, stridesOf } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import type { DerivativeContext, Emitter, Lowering, OnnxBinding, OpDefinition } from "./op.ts";
import { constantInput, normaliseAxes, numberAttribute, numbersAttribute, requiredInput } from "./onnx-attributes.ts";
import { planReduce, reduceSite } from "./reduce-planner.ts";
import { hashOf } from "./variants.ts";
import { gridSource, ieeeSource, indexingSource } from "./wgsl.ts";

/** Reduced axes keep extent 1 in every graph op; dropping them is a reshape. */
export const reducedAxes = (attributes: Attributes) => attributes["axes"] as readonly number[];

export interface ReduceFunction {
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
/* @__NO_SIDE_EFFECTS__ */
export function importReduce(axesInputSince: number, reduce: (x: Value, axes: readonly number[], emit: Emitter) => Value): OnnxBinding {
  return {
    since: 1,
    import: (node, emit) => {
      const x = requiredInput(node, 0);
      const listed = node.opset >= axesInputSince ? constantInput(node, 1, "the axes") : numbersAttribute(node, "axes");
      const all = !listed || listed.length === 0;
      // No axes then means a reduction over none: every element by itself.
      if (all && numberAttribute(node, "noop_with_empty_axes", 0) !== 0) return [reduce(x, [], emit)];
      const axes = all ? x.shape.map((_, axis) => axis) : normaliseAxes([...new Set(listed)], x.shape.length);
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

export const simple = /* @__NO_SIDE_EFFECTS__ */ (op: string) => (x: Value, axes: readonly number[], emit: Emitter) =>
  reduceOver(op, x, axes, emit);
/** Every axis of an image but batch and channel. */
export const spatialAxes = (x: Value): number[] => x.shape.map((_, axis) => axis).slice(2);

/** A pool over the whole of space. */
/* @__NO_SIDE_EFFECTS__ */
function globalPool(reduce: (x: Value, axes: readonly number[], emit: Emitter) => Value): OnnxBinding {
  return { since: 1, import: (node, emit) => [reduce(requiredInput(node, 0), spatialAxes(requiredInput(node, 0)), emit)] };
}

/** The share of every element in an extreme: 1 over the number of elements that are it. */
function extremeShare({ node, emit }: DerivativeContext): Value {
  const hit = emit.add("Retype", [emit.add("Equal", [node.inputs[0], node.outputs[0]])], { type: "float" });
  return emit.add("Div", [hit, emit.add("ReduceSum", [hit], { axes: [...reducedAxes(node.attributes)] })]);
}

/* @__NO_SIDE_EFFECTS__ */
function extreme(
  name: string,
  source: string,
  evaluate: (a: number, b: number) => number,
  identity: number,
  onnx: Record<string, OnnxBinding>,
): ReduceFunction {
  return {
    name,
    source,
    evaluate: (elements) => elements.reduce((a, b) => evaluate(a, b), identity),
    onnx,
    vjp: (context, dy) => context.emit.add("Mul", [dy, extremeShare(context)]),
    jvp: (context, dx) => summed(context, context.emit.add("Mul", [dx, extremeShare(context)])),
  };
}

/** The sum over the axes that a node reduces. */
export const summed = ({ node, emit }: DerivativeContext, value: Value): Value =>
  emit.add("ReduceSum", [value], { axes: [...reducedAxes(node.attributes)] });

export const compensated = [compensatedSource];

const functions: readonly ReduceFunction[] = [
  {
    name: "ReduceSum",
    source: sumFunction,
    libraries: compensated,
    evaluate: (elements) => elements.reduce((a, b) => a + b, 0),
    onnx: {
      ReduceSum: /* @__PURE__ */ Object.assign(importReduce(13, simple("ReduceSum")), { acceptsIntegers: true }),
    },
    vjp: ({ node, emit }, dy) => emit.add("Expand", [dy], { shape: [...node.inputs[0]!.shape] }),
  },
  {
    name: "ReduceMean",
    source: meanFunction,
    libraries: compensated,
    evaluate: (elements) => elements.reduce((a, b) => a + b, 0) / elements.length,
    onnx: { ReduceMean: importReduce(18, simple("ReduceMean")), GlobalAveragePool: globalPool(simple("ReduceMean")) },
    vjp: ({ node, emit }, dy) => {
      const x = node.inputs[0]!;
      const count = sizeOf(x.shape) / sizeOf(node.outputs[0]!.shape);
      return emit.add("Expand", [emit.add("Mul", [dy, emit.constant([], [1 / count])])], { shape: [...x.shape] });
    },
  },
  extreme("ReduceMax", maxFunction, Math.max, -Infinity, {
    ReduceMax: importReduce(18, simple("ReduceMax")),
    GlobalMaxPool: globalPool(simple("ReduceMax")),
  }),
  extreme("ReduceMin", minFunction, Math.min, Infinity, { ReduceMin: importReduce(18, simple("ReduceMin")) }),
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

interface ReduceKernels {
  /** What signatures begin with. */
  readonly name: string;
  readonly direct: Kernel;
  readonly tiled: Kernel;
}

function bothForms({ name, source, libraries = [] }: ReduceFunction) {
  const file = name.replace("Reduce", "reduce_").toLowerCase();
  return {
    direct: defineKernel(`${file}_direct`, directSource, interfaceSource, gridSource, ieeeSource, indexingSource, source, ...libraries),
    tiled: defineKernel(`${file}_tiled`, tiledSource, interfaceSource, gridSource, ieeeSource, indexingSource, source, ...libraries),
  };
}

function lowerReduce(lowering: Lowering, kernels: ReduceKernels): void {
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
  const site = reduceSite(kernels.name, facts, { inner, stride: innerStride }, lowering.adapter);
  const plan = planReduce(facts, lowering.adapter, lowering.variantFor(site));
  lowering.launch({
    kernel: kernels[plan.variant],
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

/* @__NO_SIDE_EFFECTS__ */
function define({ name, onnx, evaluate, vjp, jvp }: ReduceFunction, kernels: ReduceKernels): OpDefinition {
  return defineOp({
    name,
    ...(onnx && { onnx }),
    infer: ([x], attributes) => {
      if (!x) throw new ShapeError("input 0 is missing");
      const axes = reducedAxes(attributes);
      return [{ shape: x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)), type: x.type }];
    },
    fold: ([x], attributes, [output]) => [foldReduce(evaluate, x!, reducedAxes(attributes), output!.shape)],
    lower: (lowering) => lowerReduce(lowering, kernels),
    vjp: (context, cotangent) => [vjp(context, cotangent)],
    jvp: (context, [tangent]) => (jvp ? jvp(context, tangent!) : context.emit.add(name, [tangent], context.node.attributes)),
  });
}

function defineReduce(rule: ReduceFunction): OpDefinition {
  const forms = bothForms(rule);
  return { ...define(rule, { name: rule.name, ...forms }), variants: () => Object.values(forms) };
}

/** A reduction that may not be loaded when kernelsHash is taken: what is measured of it goes by the text of its kernels. */
/* @__NO_SIDE_EFFECTS__ */
export function defineRareReduce(rule: ReduceFunction): OpDefinition {
  const forms = bothForms(rule);
  return define(rule, { name: `${rule.name}#${hashOf(Object.values(forms))}`, ...forms });
}

export const reduceOps: readonly OpDefinition[] = /* @__PURE__ */ functions.map(defineReduce);
