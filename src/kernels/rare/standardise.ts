/**
 * Standardise: each line of x less its mean, over its deviation; the heart of layer, instance and group normalisation. A line is
 * what the axes from `axis` on hold, which lies together in memory. The Jacobian is symmetric: one op carries cotangents and
 * tangents through.
 */
import standardiseSource from "../../../shaders/normalise/standardise.wgsl?raw";
import jacobianSource from "../../../shaders/normalise/standardise_jacobian.wgsl?raw";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Attributes, Value } from "../../runtime/graph/graph.ts";
import { defineRareLineKernels, planLines } from "../lines.ts";
import { defineOp } from "../op.ts";
import type { OpDefinition } from "../op.ts";
import { slotsSource } from "../wgsl.ts";
import { recogniseStandardise } from "./written-out.ts";

const kernels = defineRareLineKernels("standardise", standardiseSource);
const jacobianKernels = defineRareLineKernels("standardise_jacobian", jacobianSource, slotsSource);

interface StandardiseAttributes {
  /** First of the axes that are normalised over. */
  readonly axis: number;
  readonly epsilon: number;
}

const read = (attributes: Attributes) => attributes as unknown as StandardiseAttributes;

/** Outputs: y, and scale = 1/√(variance + ε) of every line. */
const standardise = defineOp({
  name: "Standardise",
  recognise: recogniseStandardise,
  infer: ([x], attributes) => {
    const { axis } = read(attributes);
    return [
      { shape: x!.shape, type: "float" },
      { shape: x!.shape.map((extent, i) => (i < axis ? extent : 1)), type: "float" },
    ];
  },
  lower: (lowering) => {
    const [input] = lowering.node.inputs as [Value];
    const [output, scale] = lowering.node.outputs as [Value, Value];
    const { axis, epsilon } = read(lowering.node.attributes);
    const extent = sizeOf(input.shape.slice(axis));
    const { kernel, constants, grid, lines } = planLines(kernels, lowering, output, sizeOf(input.shape) / extent, extent, 1);
    lowering.launch({
      kernel,
      constants: { ...constants, WITH_SCALE: lowering.isRead(scale) },
      bindings: { input, output, scale: lowering.boundOutput(scale) },
      params: { lines, extent, epsilon },
      grid,
    });
  },
  vjp: ({ node, emit }, dy) => [emit.add("StandardiseJacobian", [dy, ...node.outputs], node.attributes)],
  jvp: ({ node, emit }, [dx]) => emit.add("StandardiseJacobian", [dx, ...node.outputs], node.attributes),
});

/** Inputs: a direction, y and scale of the Standardise it goes through. */
const standardiseJacobian = defineOp({
  name: "StandardiseJacobian",
  infer: ([direction]) => [{ shape: direction!.shape, type: "float" }],
  lower: (lowering) => {
    const [direction, y, scale] = lowering.node.inputs as [Value, Value, Value];
    const output = lowering.node.outputs[0]!;
    const extent = sizeOf(y.shape.slice(read(lowering.node.attributes).axis));
    const linesPerCopy = sizeOf(y.shape) / extent;
    const { kernel, constants, grid, lines } = planLines(jacobianKernels, lowering, output, linesPerCopy, extent, 1);
    lowering.launch({
      kernel,
      constants: { ...constants, Y_LEAD: lowering.leadOf(y, output) },
      bindings: { direction, y, scale, output, slots: "slots" },
      params: { lines, lines_per_copy: linesPerCopy, extent, rows: lowering.rows },
      grid,
    });
  },
});

export const standardiseOps: readonly OpDefinition[] = [standardise, standardiseJacobian];
