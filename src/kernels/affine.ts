/**
 * Affine: y = x · scale + shift with constants, clamped on request. The pass of the same name makes it of Mul and Add where no
 * layer stands before them that could take them over.
 */
import affineSource from "../../shaders/elementwise/affine.wgsl?raw";
import { ShapeError } from "../runtime/errors.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { axes, axesInUse, broadcastShapes, broadcastStrides, mergeAxes } from "./broadcast.ts";
import { clampOf, maskedCotangent, rangeOf } from "./epilogue.ts";
import { defineOp } from "./op.ts";
import type { OpDefinition } from "./op.ts";
import { gridSource, ieeeSource, indexingSource, LANES } from "./wgsl.ts";

const kernel = defineKernel("affine", affineSource, gridSource, ieeeSource, indexingSource);

/** Inputs: x, scale, shift; the constants have one shape, which broadcasts to x's. */
const affine = defineOp({
  name: "Affine",
  epilogues: ["clamp"],
  infer: ([x, scale, shift]) => {
    const fits = broadcastShapes(x!.shape, scale!.shape).join() === x!.shape.join() && scale!.shape.join() === shift!.shape.join();
    if (!fits) throw new ShapeError(`scale [${scale!.shape}] and shift [${shift!.shape}] do not fit [${x!.shape}]`);
    return [{ shape: x!.shape, type: "float" }];
  },
  lower: (lowering) => {
    const [input, scale, shift] = lowering.node.inputs as [Value, Value, Value];
    const output = lowering.node.outputs[0]!;
    const elements = sizeOf(output.shape);
    const merged = mergeAxes(output.shape, broadcastStrides(scale.shape, output.shape));
    lowering.launch({
      kernel,
      constants: { LANES, AXES: axesInUse(merged.extents), CLAMPED: clampOf(lowering.node) !== undefined },
      bindings: { input, scale, shift, output },
      params: {
        elements: lowering.copies(output) * elements,
        elements_per_copy: elements,
        ...rangeOf(lowering.node),
        extents: axes(merged.extents, 1),
        strides: axes(merged.strides[0]!, 0),
      },
      grid: { lead: output.lead, items: elements, perGroup: LANES, depth: 1 },
    });
  },
  vjp: ({ node, emit }, cotangent) => [emit.add("Mul", [maskedCotangent(node, cotangent, emit), node.inputs[1]])],
  jvp: ({ node, emit }, [tangent]) => maskedCotangent(node, emit.add("Mul", [tangent, node.inputs[1]]), emit),
});

export const affineOps: readonly OpDefinition[] = [affine];
