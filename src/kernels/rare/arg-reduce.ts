/** ArgMax and ArgMin, and Hardmax, a one at the first maximum. */
import argSource from "../../../shaders/reduce/arg_reduce.wgsl?raw";
import { defineKernel } from "../../runtime/gpu/kernel.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { normaliseAxis, numberAttribute, requiredInput } from "../onnx-attributes.ts";
import { defineOp } from "../op.ts";
import type { Emitter, OnnxBinding, OnnxNode, OpDefinition } from "../op.ts";
import { gridSource, ieeeSource, LANES } from "../wgsl.ts";

const argKernel = defineKernel("arg_reduce", argSource, gridSource, ieeeSource);

function importHardmax(node: OnnxNode, emit: Emitter): Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(numberAttribute(node, "axis", node.opset < 13 ? 1 : -1), x.shape.length);
  const extent = node.opset < 13 ? sizeOf(x.shape.slice(axis)) : x.shape[axis]!;
  emit.spend(extent);
  const lines = node.opset < 13 ? emit.add("Reshape", [x], { shape: [...x.shape.slice(0, axis), extent] }) : x;
  const first = emit.add("ArgReduce", [lines], { axis, smallest: false, last: false });
  const classes = emit.constant(
    [extent, ...lines.shape.slice(axis + 1).map(() => 1)],
    Array.from({ length: extent }, (_, i) => i),
    "int",
  );
  const hit = emit.add("Retype", [emit.add("Equal", [first, classes])], { type: "float" });
  return [emit.add("Reshape", [hit], { shape: [...x.shape] })];
}

function importArg(smallest: boolean): OnnxBinding {
  return {
    since: 1,
    derivative: "none",
    import: (node, emit) => {
      const x = requiredInput(node, 0);
      const axis = normaliseAxis(numberAttribute(node, "axis", 0), x.shape.length);
      const found = emit.add("ArgReduce", [x], { axis, smallest, last: numberAttribute(node, "select_last_index", 0) !== 0 });
      if (numberAttribute(node, "keepdims", 1) !== 0) return [found];
      return [emit.add("Reshape", [found], { shape: x.shape.filter((_, a) => a !== axis) })];
    },
  };
}

/** Where along its axis the largest or smallest element lies. The axis stays, with extent 1. Integers have no derivative. */
const argReduce = defineOp({
  name: "ArgReduce",
  onnx: {
    ArgMax: importArg(false),
    ArgMin: importArg(true),
    Hardmax: { since: 1, import: importHardmax, derivative: "0" },
  },
  infer: ([x], attributes) => [{ shape: x!.shape.map((extent, axis) => (axis === attributes["axis"] ? 1 : extent)), type: "int" }],
  lower: (lowering) => {
    const { smallest, last } = lowering.node.attributes as { smallest: boolean; last: boolean };
    const [input] = lowering.node.inputs as [Value];
    const output = lowering.node.outputs[0]!;
    const axis = lowering.node.attributes["axis"] as number;
    const lines = sizeOf(input.shape) / input.shape[axis]!;
    lowering.launch({
      kernel: argKernel,
      constants: { LANES, SMALLEST: smallest, LAST: last },
      bindings: { input, output },
      params: { lines: lowering.copies(output) * lines, extent: input.shape[axis]!, inner: sizeOf(input.shape.slice(axis + 1)) },
      grid: { lead: output.lead, items: lines, perGroup: LANES, depth: 1 },
    });
  },
});

export const argReduceOps: readonly OpDefinition[] = [argReduce];
