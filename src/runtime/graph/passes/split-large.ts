/**
 * Splits dense layers whose weights do not fit into one storage binding, as the first of VGG does on adapters that bind no more
 * than WebGPU's guaranteed 128 MiB: A·[B₁ B₂ …] = [A·B₁ A·B₂ …], column by column, which changes no sum.
 */
import { rewrite } from "../builder.ts";
import { sizeOf, withoutDeadNodes } from "../graph.ts";
import type { Graph, Value } from "../graph.ts";

/** Columns are packed four to a vec4. */
const QUAD = 4;
const BYTES = 4;

/** Most columns of B [K, N] that a binding holds, whole vec4; undefined where all do. */
function columnsThatFit(b: Value | undefined, maxBytes: number): number | undefined {
  if (!b?.data || b.shape.length < 2 || sizeOf(b.shape.slice(0, -2)) !== 1) return undefined;
  const [depth, width] = b.shape.slice(-2) as [number, number];
  const fitting = Math.floor(maxBytes / (depth * QUAD * BYTES)) * QUAD;
  return fitting > 0 && fitting < width ? fitting : undefined;
}

export function splitLarge(graph: Graph, maxBytes: number): Graph {
  if (!graph.nodes.some((node) => node.op === "MatMul" && columnsThatFit(node.inputs[1], maxBytes))) return graph;
  const { graph: split } = rewrite(graph, (node, inputs, builder) => {
    const [a, b, bias] = inputs as [Value, Value, Value | undefined];
    const columns = node.op === "MatMul" ? columnsThatFit(b, maxBytes) : undefined;
    if (!columns) return undefined;
    const width = b.shape.at(-1)!;
    const part = (value: Value, start: number) => {
      const last = value.shape.length - 1;
      return builder.add("Slice", [value], {
        starts: value.shape.map((_, axis) => (axis === last ? start : 0)),
        steps: value.shape.map(() => 1),
        extents: value.shape.map((extent, axis) => (axis === last ? Math.min(columns, width - start) : extent)),
      });
    };
    const products: Value[] = [];
    for (let start = 0; start < width; start += columns) {
      products.push(builder.add("MatMul", [a, part(b, start), bias && part(bias, start)], node.attributes));
    }
    return [builder.add("Concat", products, { axis: node.outputs[0]!.shape.length - 1 })];
  });
  return withoutDeadNodes(split);
}
