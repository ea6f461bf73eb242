/** Split and Expand, imported as Slices and as the op Expand of movement.ts. */
import { ShapeError } from "../runtime/errors.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { broadcastShapes } from "./broadcast.ts";
import { constantInput, integerAttribute, normaliseAxis, numberAttribute, numbersAttribute, requiredInput } from "./onnx-attributes.ts";
import { importersOnly } from "./op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "./op.ts";

/** The part of x from `start`, `extent` long, along one axis. */
export function sliceAxis(x: Value, axis: number, start: number, extent: number, emit: Emitter): Value {
  const starts = x.shape.map((_, a) => (a === axis ? start : 0));
  return emit.add("Slice", [x], { starts, steps: x.shape.map(() => 1), extents: x.shape.map((own, a) => (a === axis ? extent : own)) });
}

/** Each part is a node of the graph. */
const MAX_PARTS = 2 ** 16;

function importSplit(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const axis = normaliseAxis(numberAttribute(node, "axis", 0), x.shape.length);
  const listed = node.opset < 13 ? numbersAttribute(node, "split") : constantInput(node, 1, "the sizes");
  const parts = listed?.length ?? integerAttribute(node, "num_outputs", node.outputCount);
  // A node may leave out names of its last outputs, but it cannot have more of them than names.
  if (parts < node.outputCount || parts > MAX_PARTS) throw new ShapeError(`${parts} parts for ${node.outputCount} outputs`);
  const wrong = listed?.find((size) => !Number.isInteger(size) || size < 0);
  if (wrong !== undefined) throw new ShapeError(`a part of ${wrong} elements`);
  const part = Math.ceil(x.shape[axis]! / parts);
  const sizes = listed ?? Array.from({ length: parts }, (_, i) => Math.min(part, x.shape[axis]! - i * part));
  if (sizes.reduce((a, b) => a + b, 0) !== x.shape[axis]) throw new ShapeError(`parts [${sizes}] do not make an axis of ${x.shape[axis]}`);
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return sliceAxis(x, axis, start - size, size, emit);
  });
}

function importExpand(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const wanted = constantInput(node, 1, "the shape") ?? [];
  const shape = broadcastShapes(x.shape, wanted);
  return [shape.join() === x.shape.join() ? x : emit.add("Expand", [x], { shape })];
}

export const splitOps: readonly OpDefinition[] = [
  importersOnly("parts", {
    Split: { since: 2, acceptsIntegers: true, import: importSplit, restrictions: "sizes known at load" },
    Expand: { since: 8, acceptsIntegers: true, import: importExpand, restrictions: "shape known at load" },
  }),
];
