/**
 * Dense layers whose weights do not fit into one storage binding, as the first of VGG does on adapters that bind no more than
 * WebGPU's guaranteed 128 MiB. rare/split-large.ts splits them.
 */
import { sizeOf } from "../graph.ts";
import type { Graph, Node, Value } from "../graph.ts";

/** Columns are packed four to a vec4. */
const QUAD = 4;
const BYTES = 4;

/** Most columns of B [K, N] that a binding holds, whole vec4; undefined where all do. */
export function columnsThatFit(b: Value | undefined, maxBytes: number): number | undefined {
  if (!b?.data || b.shape.length < 2 || sizeOf(b.shape.slice(0, -2)) !== 1) return undefined;
  const [depth, width] = b.shape.slice(-2) as [number, number];
  const fitting = Math.floor(maxBytes / (depth * QUAD * BYTES)) * QUAD;
  return fitting > 0 && fitting < width ? fitting : undefined;
}

/** Whether a node is a matrix product whose weights have to be split. */
export const isLarge = ({ op, inputs }: Node, maxBytes: number): boolean =>
  op === "MatMul" && columnsThatFit(inputs[1], maxBytes) !== undefined;

export const hasLarge = ({ nodes }: Graph, maxBytes: number): boolean => nodes.some((node) => isLarge(node, maxBytes));
