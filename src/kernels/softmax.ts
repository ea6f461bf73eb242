/**
 * Softmax along one axis, y = e / Σe with e = exp(x − max x), and its logarithm.
 *
 *   Softmax      vjp   dx = y ⊙ (dy − Σ dy ⊙ y)         jvp   the same: the Jacobian diag(y) − y yᵀ is symmetric
 *   LogSoftmax   vjp   dx = dy − e^y Σ dy               jvp   dy = dx − Σ e^y ⊙ dx
 */
import { ShapeError } from "../runtime/errors.ts";
import type { Attributes, Value } from "../runtime/graph/graph.ts";
import type { Emitter, Lowering, OnnxNode, OpDefinition, TensorType } from "./op.ts";
import { reshapeTo } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import { normaliseAxis, numberAttribute, requiredInput } from "./onnx-attributes.ts";
import softmaxSource from "../../shaders/reduce/softmax.wgsl?raw";
import jacobianSource from "../../shaders/reduce/softmax_jacobian.wgsl?raw";
import logSoftmaxSource from "../../shaders/reduce/log_softmax.wgsl?raw";
import exponentialSource from "../../shaders/lib/exponential.wgsl?raw";
import { sizeOf } from "../runtime/graph/graph.ts";
import { defineLineKernels, planLines } from "./lines.ts";
import type { LineKernels } from "./lines.ts";
import { slotsSource } from "./wgsl.ts";

const kernels = defineLineKernels("softmax", softmaxSource, exponentialSource);
const jacobianKernels = defineLineKernels("softmax_jacobian", jacobianSource, slotsSource);
const logKernels = defineLineKernels("log_softmax", logSoftmaxSource, exponentialSource);

const bothOf = ({ direct, tiled }: LineKernels) => [direct, tiled];

/** Before opset 13 the axes from `axis` on were flattened into one; since then `axis` alone is normalised. */
function importSoftmax(op: string, node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(numberAttribute(node, "axis", node.opset < 13 ? 1 : -1), x.shape.length);
  if (node.opset >= 13) return [emit.add(op, [x], { axis })];
  const flat = reshapeTo(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))], emit);
  return [reshapeTo(emit.add(op, [flat], { axis: 1 }), x.shape, emit)];
}

function inferSoftmax([x]: readonly (Value | undefined)[], attributes: Attributes): readonly TensorType[] {
  if (!x) throw new ShapeError("input 0 is missing");
  normaliseAxis(attributes["axis"] as number, x.shape.length);
  return [{ shape: x.shape, type: "float" }];
}

interface LineShape {
  readonly extent: number;
  readonly inner: number;
  readonly linesPerCopy: number;
}

/** The lines of a value along an axis. */
function linesAlong(value: Value, axis: number): LineShape {
  const extent = value.shape[axis]!;
  return { extent, inner: sizeOf(value.shape.slice(axis + 1)), linesPerCopy: sizeOf(value.shape) / extent };
}

function lowerLines(lowering: Lowering, kernels: LineKernels): void {
  const [input] = lowering.node.inputs as [Value];
  const output = lowering.node.outputs[0]!;
  const { extent, inner, linesPerCopy } = linesAlong(input, lowering.node.attributes["axis"] as number);
  const { lines, ...rest } = planLines(kernels, lowering, output, linesPerCopy, extent, inner);
  lowering.launch({ ...rest, bindings: { input, output }, params: { lines, extent, inner } });
}

const softmax = defineOp({
  name: "Softmax",
  onnx: { Softmax: { since: 1, import: (node, emit) => importSoftmax("Softmax", node, emit) } },
  infer: inferSoftmax,
  variants: () => bothOf(kernels),
  lower: (lowering) => lowerLines(lowering, kernels),
  vjp: ({ node, emit }, dy) => [emit.add("SoftmaxJacobian", [dy, node.outputs[0]], node.attributes)],
  jvp: ({ node, emit }, [dx]) => emit.add("SoftmaxJacobian", [dx, node.outputs[0]], node.attributes),
});

/** Inputs: a direction, and y of the Softmax it goes through. */
const softmaxJacobian = defineOp({
  name: "SoftmaxJacobian",
  variants: () => bothOf(jacobianKernels),
  infer: ([direction]) => [{ shape: direction!.shape, type: "float" }],
  lower: (lowering) => {
    const [direction, y] = lowering.node.inputs as [Value, Value];
    const output = lowering.node.outputs[0]!;
    const { extent, inner, linesPerCopy } = linesAlong(y, lowering.node.attributes["axis"] as number);
    const { lines, constants, ...rest } = planLines(jacobianKernels, lowering, output, linesPerCopy, extent, inner);
    lowering.launch({
      ...rest,
      constants: { ...constants, Y_LEAD: lowering.leadOf(y, output) },
      bindings: { direction, y, output, slots: "slots" },
      params: { lines, lines_per_copy: linesPerCopy, extent, inner, rows: lowering.rows },
    });
  },
});

const logSoftmax = defineOp({
  name: "LogSoftmax",
  onnx: { LogSoftmax: { since: 1, import: (node, emit) => importSoftmax("LogSoftmax", node, emit) } },
  infer: inferSoftmax,
  variants: () => bothOf(logKernels),
  lower: (lowering) => lowerLines(lowering, logKernels),
  vjp: ({ node, emit }, dy) => {
    const share = emit.add("Exp", [node.outputs[0]]);
    const total = emit.add("ReduceSum", [dy], { axes: [node.attributes["axis"] as number] });
    return [emit.add("Sub", [dy, emit.add("Mul", [total, share])])];
  },
  jvp: ({ node, emit }, [dx]) => {
    const share = emit.add("Exp", [node.outputs[0]]);
    return emit.add("Sub", [dx, emit.add("ReduceSum", [emit.add("Mul", [dx, share])], { axes: [node.attributes["axis"] as number] })]);
  },
});

export const softmaxOps: readonly OpDefinition[] = [softmax, softmaxJacobian, logSoftmax];
