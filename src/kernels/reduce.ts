/** Reductions over axes: ReduceSum, ReduceMean, ReduceMax, and the global average pool, which is a mean over space. */
import directSource from "../../shaders/reduce/reduce_direct.wgsl?raw";
import maxFunction from "../../shaders/reduce/functions/max.wgsl?raw";
import meanFunction from "../../shaders/reduce/functions/mean.wgsl?raw";
import sumFunction from "../../shaders/reduce/functions/sum.wgsl?raw";
import tiledSource from "../../shaders/reduce/reduce_tiled.wgsl?raw";
import { ShapeError } from "../runtime/errors.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, Node, Value } from "../runtime/graph/graph.ts";
import { axes as axesOf, mergeAxes, stridesOf } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import type { DerivativeContext, Emitter, Lowering, OnnxBinding, OnnxNode, OpDefinition } from "./op.ts";
import { constantInput, normaliseAxis, numberAttribute, numbersAttribute, requiredInput } from "./onnx-attributes.ts";
import { planReduce } from "./reduce-planner.ts";
import { gridSource, indexingSource } from "./wgsl.ts";

/** Reduced axes keep extent 1 in every graph op; dropping them is a reshape. */
const reducedAxes = (attributes: Attributes) => attributes["axes"] as readonly number[];

interface ReduceFunction {
  readonly name: string;
  readonly source: string;
  readonly onnx?: Readonly<Record<string, OnnxBinding>>;
  readonly vjp?: (context: DerivativeContext, cotangent: Value) => Value;
  /** Whether the function is linear, so that its jvp is itself. */
  readonly linear: boolean;
}

/** ONNX moved the axes from an attribute to an input: ReduceSum in opset 13, the others in 18. */
function importReduce(op: string, axesInputSince: number): OnnxBinding {
  return {
    since: 1,
    import: (node, emit) => {
      const x = requiredInput(node, 0);
      const listed = node.opset >= axesInputSince ? constantInput(node, 1, "the axes") : numbersAttribute(node, "axes");
      const all = !listed || listed.length === 0;
      if (all && numberAttribute(node, "noop_with_empty_axes", 0) !== 0) return [x];
      const axes = all ? x.shape.map((_, axis) => axis) : listed.map((axis) => normaliseAxis(axis, x.shape.length));
      return [reduceAndDrop(op, x, axes, numberAttribute(node, "keepdims", 1) !== 0, emit)];
    },
  };
}

function reduceAndDrop(op: string, x: Value, axes: readonly number[], keep: boolean, emit: Emitter): Value {
  const reduced = axes.length === 0 ? x : emit.add(op, [x], { axes: [...new Set(axes)].sort((a, b) => a - b) });
  return keep ? reduced : emit.add("Reshape", [reduced], { shape: x.shape.filter((_, axis) => !axes.includes(axis)) });
}

const functions: readonly ReduceFunction[] = [
  {
    name: "ReduceSum",
    source: sumFunction,
    linear: true,
    onnx: { ReduceSum: importReduce("ReduceSum", 13) },
    vjp: ({ node, emit }, dy) => emit.add("Expand", [dy], { shape: [...node.inputs[0]!.shape] }),
  },
  {
    name: "ReduceMean",
    source: meanFunction,
    linear: true,
    onnx: {
      ReduceMean: importReduce("ReduceMean", 18),
      GlobalAveragePool: {
        since: 1,
        import: (node: OnnxNode, emit: Emitter) => {
          const x = requiredInput(node, 0);
          return [reduceAndDrop("ReduceMean", x, x.shape.map((_, axis) => axis).slice(2), true, emit)];
        },
      },
    },
    vjp: ({ node, emit }, dy) => {
      const x = node.inputs[0]!;
      const count = sizeOf(x.shape) / sizeOf(node.outputs[0]!.shape);
      return emit.add("Expand", [emit.add("Mul", [dy, emit.constant([], [1 / count])])], { shape: [...x.shape] });
    },
  },
  { name: "ReduceMax", source: maxFunction, linear: false },
];

function evaluate(name: string, node: { x: Value; axes: readonly number[]; shape: readonly number[] }): Float32Array | Float64Array {
  const { x, axes, shape } = node;
  const data = x.data!;
  const out = new (x.type === "float" ? Float32Array : Float64Array)(sizeOf(shape)).fill(name === "ReduceMax" ? -Infinity : 0);
  const strides = stridesOf(shape).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const inStrides = stridesOf(x.shape);
  for (let i = 0; i < data.length; i++) {
    let to = 0;
    x.shape.forEach((extent, axis) => (to += (Math.floor(i / inStrides[axis]!) % extent) * strides[axis]!));
    out[to] = name === "ReduceMax" ? Math.max(out[to]!, data[i]!) : out[to]! + data[i]!;
  }
  return name === "ReduceMean" ? out.map((s) => (s * out.length) / data.length) : out;
}

function lowerReduce(lowering: Lowering, name: string): void {
  const { node } = lowering;
  const [x] = node.inputs as [Value];
  const y = node.outputs[0]!;
  const axes = reducedAxes(node.attributes);
  const strides = stridesOf(x.shape);
  const pick = (reduced: boolean) => x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === reduced);
  const merge = (list: readonly number[]) => mergeAxes(list.map((a) => x.shape[a]!), list.map((a) => strides[a]!));
  const kept = merge(pick(false));
  const reduced = merge(pick(true));
  const inner = reduced.extents.pop() ?? 1;
  const innerStride = reduced.strides[0]!.pop() ?? 0;
  const outputs = sizeOf(y.shape);
  const count = sizeOf(x.shape) / outputs;
  const plan = planReduce({ outputs: lowering.copies(y) * outputs, count }, lowering.adapter, lowering.forcedVariant);
  lowering.launch({
    kernel: reduceKernels.get(name)![plan.variant],
    constants: plan.constants,
    bindings: { input: x, output: y },
    params: {
      outputs: lowering.copies(y) * outputs,
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
  functions.map(({ name, source }) => {
    const file = name.replace("Reduce", "reduce_").toLowerCase();
    return [
      name,
      {
        direct: defineKernel(`${file}_direct`, directSource, gridSource, indexingSource, source),
        tiled: defineKernel(`${file}_tiled`, tiledSource, gridSource, indexingSource, source),
      },
    ] as const;
  }),
);

function defineReduce({ name, onnx, vjp, linear }: ReduceFunction): OpDefinition {
  return defineOp({
    name,
    ...(onnx && { onnx }),
    infer: ([x], attributes) => {
      if (!x) throw new ShapeError("input 0 is missing");
      const axes = reducedAxes(attributes);
      return [{ shape: x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)), type: x.type }];
    },
    fold: ([x], attributes, [output]) => [evaluate(name, { x: x!, axes: reducedAxes(attributes), shape: output!.shape })],
    lower: (lowering) => lowerReduce(lowering, name),
    ...(vjp && { vjp: (context: DerivativeContext, cotangent: Value) => [vjp(context, cotangent)] }),
    ...(linear && {
      jvp: ({ node, emit }: { node: Node; emit: Emitter }, [tangent]: readonly (Value | undefined)[]) =>
        emit.add(name, [tangent], node.attributes),
    }),
  });
}

export const reduceOps: readonly OpDefinition[] = functions.map(defineReduce);
