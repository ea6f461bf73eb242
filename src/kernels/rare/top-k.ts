/** TopK: the K largest or smallest elements along an axis. Among equals the one of lower index comes first. */
import adjointSource from "../../../shaders/reduce/top_k_adjoint.wgsl?raw";
import topKSource from "../../../shaders/reduce/top_k.wgsl?raw";
import { ShapeError } from "../../runtime/errors.ts";
import { defineKernel } from "../../runtime/gpu/kernel.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Attributes, Value } from "../../runtime/graph/graph.ts";
import { normaliseAxis, numberAttribute, requiredInput, scalarInput } from "../onnx-attributes.ts";
import { defineOp } from "../op.ts";
import type { Emitter, Lowering, OnnxNode, OpDefinition } from "../op.ts";
import { gridSource, ieeeSource, LANES, slotsSource } from "../wgsl.ts";

const kernel = defineKernel("top_k", topKSource, gridSource, ieeeSource);
const directionKernel = defineKernel("top_k_adjoint", adjointSource, gridSource, slotsSource);

interface TopKAttributes {
  readonly axis: number;
  readonly count: number;
  readonly extent: number;
  readonly smallest: boolean;
}

const read = (attributes: Attributes) => attributes as unknown as TopKAttributes;
const withExtent = (shape: readonly number[], axis: number, extent: number) => shape.map((own, a) => (a === axis ? extent : own));

function importTopK(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(numberAttribute(node, "axis", -1), x.shape.length);
  const count = node.opset < 10 ? numberAttribute(node, "k", 1) : scalarInput(node, 1, "K");
  const extent = x.shape[axis]!;
  if (x.shape.length === 0 || !Number.isInteger(count) || count < 1 || count > extent)
    throw new ShapeError(`${count} elements of an axis of ${extent}`);
  return emit.addAll("TopK", [x], { axis, count, extent, smallest: numberAttribute(node, "largest", 1) === 0 });
}

const topK = defineOp({
  name: "TopK",
  onnx: { TopK: { since: 1, import: importTopK, restrictions: "K known at load" } },
  infer: ([x], attributes) => {
    const { axis, count } = read(attributes);
    const shape = withExtent(x!.shape, axis, count);
    return [
      { shape, type: "float" },
      { shape, type: "int" },
    ];
  },
  lower: (lowering) => {
    const [input] = lowering.node.inputs as [Value];
    const [values, indices] = lowering.node.outputs as [Value, Value];
    const { axis, count, extent, smallest } = read(lowering.node.attributes);
    lowering.launch({
      kernel,
      constants: { LANES, SMALLEST: smallest },
      bindings: { input, values, indices },
      params: { elements: lowering.copies(values) * sizeOf(input.shape), extent, inner: sizeOf(input.shape.slice(axis + 1)), count },
      grid: { lead: values.lead, items: sizeOf(input.shape), perGroup: LANES, depth: 1 },
    });
  },
  vjp: ({ node, emit }, dy) => [emit.add("TopKAdjoint", [dy, node.outputs[1]], node.attributes)],
  jvp: ({ node, emit }, [dx]) => emit.add("TopKTangent", [dx, node.outputs[1]], node.attributes),
});

function lowerDirection(lowering: Lowering, tangent: boolean): void {
  const [direction, indices] = lowering.node.inputs as [Value, Value];
  const output = lowering.node.outputs[0]!;
  const { axis, count, extent } = read(lowering.node.attributes);
  lowering.launch({
    kernel: directionKernel,
    constants: { LANES, TANGENT: tangent },
    bindings: { direction, indices, output, slots: "slots" },
    params: {
      elements: lowering.copies(output) * sizeOf(output.shape),
      elements_per_copy: sizeOf(output.shape),
      indices_per_copy: sizeOf(indices.shape),
      extent,
      inner: sizeOf(output.shape.slice(axis + 1)),
      count,
      rows: lowering.rows,
    },
    grid: { lead: output.lead, items: sizeOf(output.shape), perGroup: LANES, depth: 1 },
  });
}

/** Inputs: cotangent, indices. */
const topKAdjoint = defineOp({
  name: "TopKAdjoint",
  infer: ([dy], attributes) => [{ shape: withExtent(dy!.shape, read(attributes).axis, read(attributes).extent), type: "float" }],
  lower: (lowering) => lowerDirection(lowering, false),
});

/** Inputs: tangent, indices. */
const topKTangent = defineOp({
  name: "TopKTangent",
  infer: ([, indices]) => [{ shape: indices!.shape, type: "float" }],
  lower: (lowering) => lowerDirection(lowering, true),
});

export const topKOps: readonly OpDefinition[] = [topK, topKAdjoint, topKTangent];
