/** Pad by what lies at the other end, at the edge or in the mirror: an AxisMap per padded axis. */
import type { Value } from "../../runtime/graph/graph.ts";
import { stringAttribute } from "../onnx-attributes.ts";
import { importersOnly } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";
import { pad, padding } from "../pad.ts";
import { AXIS_MAP_ROW, mapAxis, only } from "./axis-map.ts";

/** Which element stands at a position before 0 or from `extent` on. */
const continuations = new Map<string, (at: number, extent: number) => number>(
  Object.entries({
    edge: (at, extent) => Math.min(Math.max(at, 0), extent - 1),
    wrap: (at, extent) => ((at % extent) + extent) % extent,
    reflect: (at, extent) => {
      const period = Math.max(1, 2 * (extent - 1));
      const within = ((at % period) + period) % period;
      return within < extent ? within : period - within;
    },
  }),
);

function importPad(node: OnnxNode, emit: Emitter): readonly Value[] {
  const continued = continuations.get(stringAttribute(node, "mode", "constant"));
  if (!continued) return pad.import(node, emit);
  const { x, starts, extents } = padding(node);
  const padded = extents.reduce((value, extent, axis) => {
    emit.spend(AXIS_MAP_ROW * extent);
    const rows = Array.from({ length: extent }, (_, i) => only(continued(i + starts[axis]!, x.shape[axis]!)));
    return mapAxis(value, axis, rows, emit);
  }, x);
  return [padded];
}

export const rarePadOps: readonly OpDefinition[] = [importersOnly("pads of more modes", { Pad: { ...pad, import: importPad } })];
