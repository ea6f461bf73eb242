/**
 * Element-wise functions of one argument. Each is a WGSL file that defines value(x) and slope(x, y) = dy/dx, linked with one
 * kernel for the value and one for the derivative (unary-functions.ts lists them); a diagonal Jacobian makes vjp and jvp the same product.
 */
import maskSource from "../../shaders/elementwise/mask.wgsl?raw";
import slopeSource from "../../shaders/elementwise/unary_slope.wgsl?raw";
import valueSource from "../../shaders/elementwise/unary.wgsl?raw";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import type { Kernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Attributes, Value } from "../runtime/graph/graph.ts";
import { defineOp } from "./op.ts";
import type { Emitter, OpDefinition } from "./op.ts";
import { unaryFunctions } from "./unary-functions.ts";
import type { UnaryFunction } from "./unary-functions.ts";
import { gridSource, ieeeSource, LANES, slotsSource } from "./wgsl.ts";

function coefficients(attributes: Attributes): { alpha: number; beta: number } {
  const { alpha, beta } = attributes;
  return { alpha: typeof alpha === "number" ? alpha : 0, beta: typeof beta === "number" ? beta : 0 };
}

function slopeKernel(name: string, source: string, libraries: readonly string[]): Kernel {
  return defineKernel(`${name.toLowerCase()}_slope`, slopeSource, gridSource, ieeeSource, slotsSource, source, libraries);
}

/** An element-wise function as an op, whose derivative UnarySlope finds. */
/* @__NO_SIDE_EFFECTS__ */
export function defineUnary({ name, source, libraries = [], evaluate, onnx, type, recognise }: UnaryFunction): OpDefinition {
  const kernel = defineKernel(name.toLowerCase(), valueSource, gridSource, ieeeSource, source, ...libraries);
  return defineOp({
    name,
    elementwise: true,
    ...(type !== "bool" && { slope: slopeKernel(name, source, libraries) }),
    ...(onnx && { onnx }),
    ...(recognise && { recognise }),
    infer: ([x]) => [{ shape: x!.shape, type: type ?? x!.type }],
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

function slopeTimes(
  node: { op: string; inputs: readonly (Value | undefined)[]; outputs: readonly Value[]; attributes: Attributes },
  direction: Value,
  emit: Emitter,
): Value {
  return emit.add("UnarySlope", [node.inputs[0], node.outputs[0], direction], { ...node.attributes, function: node.op });
}

export const unaryOps: readonly OpDefinition[] = /* @__PURE__ */ unaryFunctions.map(defineUnary);

/** Kernels of derivatives by function: the registry enters those of the ops it knows. */
export const slopeKernels = new Map<string, Kernel>();

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

const maskKernel = defineKernel("mask", maskSource, gridSource, ieeeSource, slotsSource);

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
