/**
 * Splits dense layers whose weights do not fit into one storage binding: A·[B₁ B₂ …] = [A·B₁ A·B₂ …], column by column, which
 * changes no sum.
 */
import { rewrite } from "../graph/builder.ts";
import { withoutDeadNodes } from "../graph/graph.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { columnsThatFit, hasLarge, isLarge } from "../graph/passes/split-large.ts";

/** The graph with such layers in parts; itself where all fit. */
export function splitLarge(graph: Graph, maxBytes: number): Graph {
  if (!hasLarge(graph, maxBytes)) return graph;
  const { graph: split } = rewrite(graph, (node, inputs, builder) => {
    const [a, b, bias] = inputs as [Value, Value, Value | undefined];
    const columns = isLarge(node, maxBytes) ? columnsThatFit(b, maxBytes) : undefined;
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
