/** Where: a choice between two values, element by element. The condition gets no derivative; each value gets its own part. */
import whereSource from "../../../shaders/elementwise/where.wgsl?raw";
import { ShapeError } from "../../runtime/errors.ts";
import { defineKernel } from "../../runtime/gpu/kernel.ts";
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Value } from "../../runtime/graph/graph.ts";
import { axes, axesInUse, broadcastShapes, broadcastStrides, foldBroadcast, mergeAxes, sumTo } from "../broadcast.ts";
import { requiredInput } from "../onnx-attributes.ts";
import { defineOp } from "../op.ts";
import type { Emitter, Lowering, OpDefinition } from "../op.ts";
import { gridSource, indexingSource, LANES, slotsSource } from "../wgsl.ts";

const kernel = defineKernel("where", whereSource, gridSource, slotsSource, indexingSource);

function lowerWhere(lowering: Lowering): void {
  const operands = lowering.node.inputs as readonly [Value, Value, Value];
  const [condition, a, b] = operands;
  const output = lowering.node.outputs[0]!;
  const elements = sizeOf(output.shape);
  const merged = mergeAxes(output.shape, ...operands.map((operand) => broadcastStrides(operand.shape, output.shape)));
  const [conditionStrides, aStrides, bStrides] = merged.strides;
  lowering.launch({
    kernel,
    constants: { LANES, AXES: axesInUse(merged.extents) },
    bindings: { condition, a, b, output, slots: "slots" },
    params: {
      elements: lowering.copies(output) * elements,
      elements_per_copy: elements,
      rows: lowering.rows,
      leads: [...operands.map((operand) => lowering.leadOf(operand, output)), 0],
      per_copy: [...operands.map((operand) => sizeOf(operand.shape)), 0],
      extents: axes(merged.extents, 1),
      condition_strides: axes(conditionStrides!, 0),
      a_strides: axes(aStrides!, 0),
      b_strides: axes(bStrides!, 0),
    },
    grid: { lead: output.lead, items: elements, perGroup: LANES, depth: 1 },
  });
}

/** The part of a direction that belongs to one of the two values, in the shape of the choice. */
function chosen(direction: Value, condition: Value, first: boolean, shape: readonly number[], emit: Emitter): Value {
  const zero = emit.constant([], [0]);
  const part = emit.add("Where", first ? [condition, direction, zero] : [condition, zero, direction]);
  return part.shape.join() === shape.join() ? part : emit.add("Expand", [part], { shape: [...shape] });
}

/** Inputs: condition, a, b. */
const where = defineOp({
  name: "Where",
  elementwise: true,
  onnx: {
    Where: {
      since: 9,
      acceptsIntegers: true,
      import: (node, emit) => {
        const [condition, a, b] = [0, 1, 2].map((i) => requiredInput(node, i)) as [Value, Value, Value];
        // Of floats the choice would have a derivative by its condition.
        if (condition.type === "float") throw new ShapeError("the condition is float, expected bool");
        return [emit.add("Where", [condition, a, b])];
      },
    },
  },
  infer: ([condition, a, b]) => {
    if (a!.type !== b!.type) throw new ShapeError(`a choice between ${a!.type} and ${b!.type}`);
    return [{ shape: broadcastShapes(condition!.shape, broadcastShapes(a!.shape, b!.shape)), type: a!.type }];
  },
  fold: (inputs, _attributes, [output]) => [foldBroadcast(inputs as Value[], output!, ([c, a, b]) => (c ? a! : b!))],
  lower: lowerWhere,
  vjp: ({ node, emit }, dy) => {
    const [condition, a, b] = node.inputs as [Value, Value, Value];
    return [
      undefined,
      a.data ? undefined : sumTo(chosen(dy, condition, true, dy.shape, emit), a.shape, emit),
      b.data ? undefined : sumTo(chosen(dy, condition, false, dy.shape, emit), b.shape, emit),
    ];
  },
  jvp: ({ node, emit }, [, da, db]) => {
    const condition = node.inputs[0]!;
    const { shape } = node.outputs[0]!;
    if (!da || !db) return chosen((da ?? db)!, condition, da !== undefined, shape, emit);
    return emit.add("Where", [condition, da, db]);
  },
});

export const whereOps: readonly OpDefinition[] = [where];
