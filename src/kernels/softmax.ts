/**
 * Softmax along one axis: y = e / Σe with e = exp(x − max x).
 *
 *   vjp   dx = y ⊙ (dy − Σ dy ⊙ y)         jvp   the same: the Jacobian diag(y) − y yᵀ is symmetric
 *
 * Nudge differentiates logits, not probabilities (attacks attach to a trailing softmax's input), so the derivative is built
 * from other ops rather than fused.
 */
import { ShapeError } from "../runtime/errors.ts";
import type { Value } from "../runtime/graph/graph.ts";
import type { Emitter, OnnxNode, OpDefinition } from "./op.ts";
import { reshapeTo } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import { normaliseAxis, numberAttribute, requiredInput } from "./onnx-attributes.ts";
import softmaxSource from "../../shaders/reduce/softmax.wgsl?raw";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import { gridSource, LANES } from "./wgsl.ts";

const kernel = defineKernel("softmax", softmaxSource, gridSource);

/** Before opset 13 the axes from `axis` on were flattened into one; since then `axis` alone is normalised. */
function importSoftmax(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(numberAttribute(node, "axis", node.opset < 13 ? 1 : -1), x.shape.length);
  if (node.opset >= 13) return [emit.add("Softmax", [x], { axis })];
  const flat = reshapeTo(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))], emit);
  return [reshapeTo(emit.add("Softmax", [flat], { axis: 1 }), x.shape, emit)];
}

function symmetricJacobianTimes(y: Value, direction: Value, axis: number, emit: Emitter): Value {
  const weighted = emit.add("ReduceSum", [emit.add("Mul", [direction, y])], { axes: [axis] });
  return emit.add("Mul", [y, emit.add("Sub", [direction, weighted])]);
}

const softmax = defineOp({
  name: "Softmax",
  onnx: { Softmax: { since: 1, import: importSoftmax } },
  infer: ([x], attributes) => {
    if (!x) throw new ShapeError("input 0 is missing");
    normaliseAxis(attributes["axis"] as number, x.shape.length);
    return [{ shape: x.shape, type: "float" }];
  },
  lower: (lowering) => {
    const [input] = lowering.node.inputs as [Value];
    const output = lowering.node.outputs[0]!;
    const axis = lowering.node.attributes["axis"] as number;
    const inner = sizeOf(output.shape.slice(axis + 1));
    const lines = sizeOf(output.shape) / output.shape[axis]!;
    lowering.launch({
      kernel,
      constants: { LANES },
      bindings: { input, output },
      params: { lines: lowering.copies(output) * lines, extent: output.shape[axis]!, inner },
      grid: { lead: output.lead, items: lines, perGroup: LANES, depth: 1 },
    });
  },
  vjp: ({ node, emit }, dy) => [symmetricJacobianTimes(node.outputs[0]!, dy, node.attributes["axis"] as number, emit)],
  jvp: ({ node, emit }, [dx]) => symmetricJacobianTimes(node.outputs[0]!, dx!, node.attributes["axis"] as number, emit),
});

export const softmaxOps: readonly OpDefinition[] = [softmax];
