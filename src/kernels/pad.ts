/** Pad. With a constant it is a Slice beyond the edges; the other modes are an AxisMap per padded axis. */
import { ShapeError } from "../runtime/errors.ts";
import type { Value } from "../runtime/graph/graph.ts";
import { mapAxis, only } from "./axis-map.ts";
import { constantInput, normaliseAxis, numberAttribute, numbersAttribute, requiredInput, stringAttribute } from "./onnx-attributes.ts";
import { importersOnly, Unsupported } from "./op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "./op.ts";

/** Which element stands at a position before 0 or from `extent` on. */
const continuations: Readonly<Record<string, (at: number, extent: number) => number>> = {
  edge: (at, extent) => Math.min(Math.max(at, 0), extent - 1),
  wrap: (at, extent) => ((at % extent) + extent) % extent,
  reflect: (at, extent) => {
    const period = Math.max(1, 2 * (extent - 1));
    const within = ((at % period) + period) % period;
    return within < extent ? within : period - within;
  },
};

function importPad(node: OnnxNode, emit: Emitter): readonly Value[] {
  const x = requiredInput(node, 0);
  const mode = stringAttribute(node, "mode", "constant");
  const pads =
    node.opset < 11 ? (numbersAttribute(node, "pads") ?? numbersAttribute(node, "paddings")) : constantInput(node, 1, "the pads");
  if (!pads) throw new ShapeError("pads are missing");
  const rank = x.shape.length;
  const listed = constantInput(node, 3, "the axes")?.map((axis) => normaliseAxis(axis, rank)) ?? x.shape.map((_, axis) => axis);
  if (pads.length !== 2 * listed.length) throw new ShapeError(`${pads.length} pads for ${listed.length} axes`);
  const starts = x.shape.map(() => 0);
  const extents = [...x.shape];
  listed.forEach((axis, i) => {
    starts[axis] = 0 - pads[i]!;
    extents[axis]! += pads[i]! + pads[i + listed.length]!;
  });
  if (extents.some((extent) => extent < 1)) throw new ShapeError(`pads [${pads}] leave nothing of [${x.shape}]`);
  if (mode === "constant") {
    const fill = node.opset < 11 ? numberAttribute(node, "value", 0) : (constantInput(node, 2, "the value")?.[0] ?? 0);
    return [emit.add("Slice", [x], { starts, steps: x.shape.map(() => 1), extents, fill })];
  }
  const continued = continuations[mode];
  if (!continued) throw new Unsupported(`mode ${mode}`, "mode");
  const padded = extents.reduce((value, extent, axis) => {
    const rows = Array.from({ length: extent }, (_, i) => only(continued(i + starts[axis]!, x.shape[axis]!)));
    return mapAxis(value, axis, rows, emit);
  }, x);
  return [padded];
}

export const padOps: readonly OpDefinition[] = [
  importersOnly("pads", { Pad: { since: 2, acceptsIntegers: true, import: importPad, restrictions: "pads known at load" } }),
];
