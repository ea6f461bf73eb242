/**
 * Element-wise functions of one argument. Each is a WGSL file that defines value(x) and slope(x, y) = dy/dx, linked with one
 * kernel for the value and one for the derivative; a diagonal Jacobian makes vjp and jvp the same product.
 */
import maskSource from "../../shaders/elementwise/mask.wgsl?raw";
import slopeSource from "../../shaders/elementwise/unary_slope.wgsl?raw";
import valueSource from "../../shaders/elementwise/unary.wgsl?raw";
import clipSource from "../../shaders/elementwise/functions/clip.wgsl?raw";
import expSource from "../../shaders/elementwise/functions/exp.wgsl?raw";
import logSource from "../../shaders/elementwise/functions/log.wgsl?raw";
import negSource from "../../shaders/elementwise/functions/neg.wgsl?raw";
import reluSource from "../../shaders/elementwise/functions/relu.wgsl?raw";
import sigmoidSource from "../../shaders/elementwise/functions/sigmoid.wgsl?raw";
import tanhSource from "../../shaders/elementwise/functions/tanh.wgsl?raw";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, Value } from "../runtime/graph/graph.ts";
import { constantInput, numberAttribute, requiredInput } from "./onnx-attributes.ts";
import { defineOp } from "./op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "./op.ts";
import { F32_MAX, gridSource, LANES, slotsSource } from "./wgsl.ts";

interface UnaryFunction {
  readonly name: string;
  readonly source: string;
  /** The function in double precision, for constants. */
  readonly evaluate: (x: number, alpha: number, beta: number) => number;
  readonly onnx: Readonly<Record<string, OnnxBinding>>;
}

const plain = (name: string, since: number): Record<string, OnnxBinding> => ({
  [name]: { since, import: (node, emit) => [emit.add(name, [requiredInput(node, 0)])] },
});

/** Clip-6 has its range in attributes, Clip-11 in optional inputs. */
function importClip(node: OnnxNode, emit: Emitter): Value[] {
  const low = node.opset < 11 ? numberAttribute(node, "min", -F32_MAX) : (constantInput(node, 1, "the minimum")?.[0] ?? -F32_MAX);
  const high = node.opset < 11 ? numberAttribute(node, "max", F32_MAX) : (constantInput(node, 2, "the maximum")?.[0] ?? F32_MAX);
  const finite = (x: number) => Math.min(Math.max(x, -F32_MAX), F32_MAX);
  return [emit.add("Clip", [requiredInput(node, 0)], { alpha: finite(low), beta: finite(high) })];
}

const functions: readonly UnaryFunction[] = [
  { name: "Relu", source: reluSource, evaluate: (x) => Math.max(x, 0), onnx: plain("Relu", 6) },
  {
    name: "Clip",
    source: clipSource,
    evaluate: (x, low, high) => Math.min(Math.max(x, low), high),
    onnx: { Clip: { since: 6, import: importClip, restrictions: "range known at load" } },
  },
  { name: "Sigmoid", source: sigmoidSource, evaluate: (x) => 1 / (1 + Math.exp(-x)), onnx: plain("Sigmoid", 6) },
  { name: "Tanh", source: tanhSource, evaluate: Math.tanh, onnx: plain("Tanh", 6) },
  { name: "Exp", source: expSource, evaluate: Math.exp, onnx: plain("Exp", 6) },
  { name: "Log", source: logSource, evaluate: Math.log, onnx: plain("Log", 6) },
  { name: "Neg", source: negSource, evaluate: (x) => -x, onnx: plain("Neg", 6) },
];

const slopeKernels = new Map<string, Kernel>();

function coefficients(attributes: Attributes): { alpha: number; beta: number } {
  const { alpha, beta } = attributes;
  return { alpha: typeof alpha === "number" ? alpha : 0, beta: typeof beta === "number" ? beta : 0 };
}

function defineUnary({ name, source, evaluate, onnx }: UnaryFunction): OpDefinition {
  const kernel = defineKernel(name.toLowerCase(), valueSource, gridSource, source);
  slopeKernels.set(name, defineKernel(`${name.toLowerCase()}_slope`, slopeSource, gridSource, slotsSource, source));
  return defineOp({
    name,
    onnx,
    infer: ([x]) => [{ shape: x!.shape, type: x!.type }],
    fold: ([x], attributes) => {
      const { alpha, beta } = coefficients(attributes);
      return [x!.data!.map((element) => evaluate(element, alpha, beta))];
    },
    lower: (lowering) => {
      const [x] = lowering.node.inputs as [Value];
      const y = lowering.node.outputs[0]!;
      const elements = lowering.copies(y) * sizeOf(y.shape);
      lowering.launch({
        kernel,
        constants: { LANES },
        bindings: { input: x, output: y },
        params: { quads: Math.ceil(elements / 4), ...coefficients(lowering.node.attributes) },
        grid: { lead: y.lead, items: sizeOf(y.shape), perGroup: 4 * LANES, depth: 1 },
      });
    },
    vjp: ({ node, emit }, cotangent) => [slopeTimes(node, cotangent, emit)],
    jvp: ({ node, emit }, [tangent]) => slopeTimes(node, tangent!, emit),
  });
}

function slopeTimes(node: { op: string; inputs: readonly (Value | undefined)[]; outputs: readonly Value[]; attributes: Attributes }, direction: Value, emit: Emitter): Value {
  return emit.add("UnarySlope", [node.inputs[0], node.outputs[0], direction], { ...node.attributes, function: node.op });
}

export const unaryOps: readonly OpDefinition[] = functions.map(defineUnary);

/** d · f′(x), the derivative of every element-wise function above. Inputs: x, y = f(x), d; attribute `function`. */
export const unarySlope = defineOp({
  name: "UnarySlope",
  infer: ([, , direction]) => [{ shape: direction!.shape, type: "float" }],
  lower: (lowering) => {
    const [x, y, direction] = lowering.node.inputs as [Value, Value, Value];
    const output = lowering.node.outputs[0]!;
    const elements = sizeOf(output.shape);
    lowering.launch({
      kernel: slopeKernels.get(String(lowering.node.attributes["function"]))!,
      constants: { LANES },
      bindings: { x, y, direction, output, slots: "slots" },
      params: {
        elements: lowering.copies(output) * elements,
        elements_per_copy: elements,
        rows: lowering.rows,
        ...coefficients(lowering.node.attributes),
      },
      grid: { lead: output.lead, items: elements, perGroup: LANES, depth: 1 },
    });
  },
});

const maskKernel = defineKernel("mask", maskSource, gridSource, slotsSource);

/** d · 1[low < y < high]: the derivative of a clamp fused into the node that made y. Inputs: y, d. */
export const mask = defineOp({
  name: "Mask",
  infer: ([, direction]) => [{ shape: direction!.shape, type: "float" }],
  lower: (lowering) => {
    const [y, direction] = lowering.node.inputs as [Value, Value];
    const output = lowering.node.outputs[0]!;
    const elements = sizeOf(output.shape);
    const { low, high } = lowering.node.attributes as { low: number; high: number };
    lowering.launch({
      kernel: maskKernel,
      constants: { LANES },
      bindings: { y, direction, output, slots: "slots" },
      params: { elements: lowering.copies(output) * elements, elements_per_copy: elements, rows: lowering.rows, low, high },
      grid: { lead: output.lead, items: elements, perGroup: LANES, depth: 1 },
    });
  },
});
